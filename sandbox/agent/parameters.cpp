#include "sandbox/agent/parameters.h"

#include <openssl/evp.h>
#include <zlib.h>

#include <algorithm>

namespace mig_sandbox {

using mig_runner::fail;
using nlohmann::json;

namespace {

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

tl::unexpected<mig_runner::Error> wrong_type(const json& value, std::string_view name, std::string_view wanted) {
  return fail("json: cannot unmarshal " + std::string(value.type_name()) + " into field " + std::string(name) +
              " of type " + std::string(wanted));
}

Result<std::string> decode_base64(const std::string& text) {
  std::string bytes(text.size() / 4 * 3 + 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return fail("compressed parameters are not base64");
  // EVP_DecodeBlock counts the bytes that padding stands for.
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  bytes.resize(static_cast<std::size_t>(size) - std::min(padding, static_cast<std::size_t>(size)));
  return bytes;
}

Result<std::string> gunzip(const std::string& bytes) {
  constexpr std::size_t kMaxSize = 16U << 20U;
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) return fail("cannot start zlib");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string text;
  int status = Z_OK;
  while (status == Z_OK && text.size() <= kMaxSize) {
    char block[16384];
    stream.next_out = reinterpret_cast<Bytef*>(block);
    stream.avail_out = sizeof block;
    status = inflate(&stream, Z_NO_FLUSH);
    text.append(block, sizeof block - stream.avail_out);
  }
  inflateEnd(&stream);
  if (text.size() > kMaxSize) return fail("compressed parameters are larger than 16 MiB");
  if (status != Z_STREAM_END) return fail("compressed parameters are not gzip");
  return text;
}

}  // namespace

Result<void> check_object(const json& object, std::string_view what) {
  if (object.is_object() || object.is_null()) return {};
  return wrong_type(object, what, "object");
}

const json& member(const json& object, std::string_view name) {
  static const json null;
  const json* found = &null;
  if (!object.is_object()) return *found;
  for (const auto& [key, value] : object.items()) {
    if (key == name) return value;
    if (same_name(key, name)) found = &value;
  }
  return *found;
}

Result<std::vector<std::string>> string_list(const json& object, std::string_view name) {
  const json& value = member(object, name);
  std::vector<std::string> list;
  if (value.is_null()) return list;
  if (!value.is_array()) return wrong_type(value, name, "[]string");
  for (const json& item : value) {
    if (!item.is_string() && !item.is_null()) return wrong_type(item, name, "string");
    list.push_back(item.is_null() ? std::string() : item.get<std::string>());
  }
  return list;
}

Result<std::string> string_value(const json& object, std::string_view name) {
  const json& value = member(object, name);
  if (value.is_null()) return std::string();
  if (!value.is_string()) return wrong_type(value, name, "string");
  return value.get<std::string>();
}

Result<bool> bool_value(const json& object, std::string_view name) {
  const json& value = member(object, name);
  if (value.is_null()) return false;
  if (!value.is_boolean()) return wrong_type(value, name, "bool");
  return value.get<bool>();
}

Result<double> number_value(const json& object, std::string_view name) {
  const json& value = member(object, name);
  if (value.is_null()) return 0.0;
  if (!value.is_number()) return wrong_type(value, name, "float64");
  return value.get<double>();
}

Result<json> decompress_parameters(const std::string& text) {
  constexpr std::size_t kMaxText = 32U << 20U;
  if (text.size() > kMaxText) return fail("compressed parameters are too long");
  const auto bytes = decode_base64(text);
  if (!bytes) return tl::unexpected(bytes.error());
  const auto plain = gunzip(*bytes);
  if (!plain) return tl::unexpected(plain.error());
  json parameters = json::parse(*plain, nullptr, false);
  if (parameters.is_discarded()) return fail("compressed parameters are not JSON");
  return parameters;
}

}  // namespace mig_sandbox
