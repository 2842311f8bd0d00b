#pragma once

// Owners for what librnp hands out. For this room's .cpp files only.

#include <rnp/rnp.h>
#include <rnp/rnp_err.h>

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace mig_runner::sign {

template <auto destroy>
struct RnpDestroyer {
  template <class T>
  void operator()(T* handle) const {
    destroy(handle);
  }
};

template <class Handle, auto destroy>
using RnpOwner = std::unique_ptr<std::remove_pointer_t<Handle>, RnpDestroyer<destroy>>;

using RnpFfi = RnpOwner<rnp_ffi_t, rnp_ffi_destroy>;
using RnpInput = RnpOwner<rnp_input_t, rnp_input_destroy>;
using RnpOutput = RnpOwner<rnp_output_t, rnp_output_destroy>;
using RnpKey = RnpOwner<rnp_key_handle_t, rnp_key_handle_destroy>;
using RnpVerify = RnpOwner<rnp_op_verify_t, rnp_op_verify_destroy>;
using RnpSign = RnpOwner<rnp_op_sign_t, rnp_op_sign_destroy>;
using RnpIterator = RnpOwner<rnp_identifier_iterator_t, rnp_identifier_iterator_destroy>;

// A context without keys that accepts self-signatures over SHA-1, as the server does. `time` (seconds) is the present
// for everything it judges.
RnpFfi make_ffi(std::uint64_t time);

// Borrows `bytes`.
RnpInput memory_input(std::string_view bytes);

// The text that `get` (one of rnp_key_get_..) gives for `key`; empty where it fails.
std::string text_of(rnp_key_handle_t key, rnp_result_t (*get)(rnp_key_handle_t, char**));

// Fingerprints of the primary keys in `ffi`.
std::vector<std::string> primary_fingerprints(rnp_ffi_t ffi);

RnpKey find_key(rnp_ffi_t ffi, const std::string& fingerprint);
std::vector<RnpKey> subkeys_of(rnp_key_handle_t primary);

}  // namespace mig_runner::sign
