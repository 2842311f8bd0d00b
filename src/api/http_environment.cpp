#include "api/http_environment.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>
#include <sstream>

#include "base/text.h"

namespace mig_runner::api {
namespace {

namespace fs = std::filesystem;

struct OpenSslCloser {
  void operator()(BIO* file) const { BIO_free(file); }
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using Bio = std::unique_ptr<BIO, OpenSslCloser>;
using Certificate = std::unique_ptr<X509, OpenSslCloser>;

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

std::string pem_of(X509* certificate) {
  const Bio memory(BIO_new(BIO_s_mem()));
  char* text = nullptr;
  if (!memory || PEM_write_bio_X509(memory.get(), certificate) != 1) return {};
  const long size = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

void add_file(const fs::path& path, std::set<std::string>& certificates) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return;
  const Bio file(BIO_new_file(path.c_str(), "r"));
  while (file && BIO_eof(file.get()) != 1) {
    const Certificate certificate(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
    if (certificate) certificates.insert(pem_of(certificate.get()));
  }
  ERR_clear_error();
}

std::string host_of(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  char* host = nullptr;
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_get(parsed.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK)
    return {};
  std::string copy = host;
  curl_free(host);
  return copy;
}

}  // namespace

std::optional<std::string> trusted_certificates(const char* default_file) {
  const char* directories = variable("SSL_CERT_DIR");
  if (directories == nullptr) return std::nullopt;
  std::set<std::string> certificates;
  const char* file = variable("SSL_CERT_FILE");
  if (file == nullptr) file = default_file;
  if (file != nullptr) add_file(file, certificates);
  std::istringstream list(directories);
  for (std::string directory; std::getline(list, directory, ':');) {
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
      add_file(entry->path(), certificates);
  }
  std::string all;
  for (const auto& certificate : certificates) all += certificate;
  return all;
}

bool is_loopback(const std::string& url) {
  std::string host = lower(host_of(url));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24U == 127;
  in6_addr v6{};
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1)
    return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
  return host == "localhost";
}

}  // namespace mig_runner::api
