#include "sign/rnp_handle.h"

#include <algorithm>
#include <utility>

namespace mig_runner::sign {

RnpFfi make_ffi(std::uint64_t time) {
  rnp_ffi_t ffi = nullptr;
  rnp_ffi_create(&ffi, "GPG", "GPG");
  RnpFfi owner(ffi);
  if (!owner) return owner;
  rnp_set_timestamp(ffi, time);
  // librnp distrusts SHA-1 in recent self-signatures, which older GnuPG versions make.
  rnp_add_security_rule(ffi, RNP_FEATURE_HASH_ALG, "SHA1", RNP_SECURITY_OVERRIDE | RNP_SECURITY_VERIFY_KEY, 0,
                        RNP_SECURITY_DEFAULT);
  return owner;
}

RnpInput memory_input(std::string_view bytes) {
  rnp_input_t input = nullptr;
  rnp_input_from_memory(&input, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), false);
  return RnpInput(input);
}

std::string text_of(rnp_key_handle_t key, rnp_result_t (*get)(rnp_key_handle_t, char**)) {
  char* text = nullptr;
  if (get(key, &text) != RNP_SUCCESS || text == nullptr) return {};
  std::string copy = text;
  rnp_buffer_destroy(text);
  return copy;
}

std::vector<std::string> primary_fingerprints(rnp_ffi_t ffi) {
  rnp_identifier_iterator_t iterator = nullptr;
  rnp_identifier_iterator_create(ffi, &iterator, "fingerprint");
  const RnpIterator owner(iterator);
  std::vector<std::string> found;
  const char* fingerprint = nullptr;
  while (owner && rnp_identifier_iterator_next(iterator, &fingerprint) == RNP_SUCCESS && fingerprint != nullptr) {
    const RnpKey key = find_key(ffi, fingerprint);
    bool primary = false;
    if (key && rnp_key_is_primary(key.get(), &primary) == RNP_SUCCESS && primary) found.emplace_back(fingerprint);
  }
  std::sort(found.begin(), found.end());
  return found;
}

RnpKey find_key(rnp_ffi_t ffi, const std::string& fingerprint) {
  rnp_key_handle_t key = nullptr;
  rnp_locate_key(ffi, "fingerprint", fingerprint.c_str(), &key);
  return RnpKey(key);
}

std::vector<RnpKey> subkeys_of(rnp_key_handle_t primary) {
  std::vector<RnpKey> subkeys;
  std::size_t count = 0;
  rnp_key_get_subkey_count(primary, &count);
  for (std::size_t i = 0; i < count; ++i) {
    rnp_key_handle_t subkey = nullptr;
    if (rnp_key_get_subkey_at(primary, i, &subkey) == RNP_SUCCESS) subkeys.emplace_back(subkey);
  }
  return subkeys;
}

}  // namespace mig_runner::sign
