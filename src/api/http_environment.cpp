#include "api/http_environment.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>

#include "base/mutex.h"
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

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
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
    // Nothing more is there, or can be read.
    if (!certificate && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) break;
  }
  ERR_clear_error();
}

// Another name of a file of the same directory, such as the names by hash that OpenSSL looks for.
bool is_second_name(const fs::directory_entry& entry) {
  std::error_code error;
  return entry.is_symlink(error) && !fs::read_symlink(entry.path(), error).has_parent_path();
}

std::string read_certificates(const std::string& file, const std::string& directories) {
  std::set<std::string> certificates;
  if (!file.empty()) add_file(file, certificates);
  std::istringstream list(directories);
  for (std::string directory; std::getline(list, directory, ':');) {
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
      if (!is_second_name(*entry)) add_file(entry->path(), certificates);
  }
  std::string all;
  for (const auto& certificate : certificates) all += certificate;
  return all;
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

// The last reading, and its file.
struct KnownCertificates {
  Mutex mutex;
  std::string file GUARDED_BY(mutex), directories GUARDED_BY(mutex);
  std::shared_ptr<const std::string> text GUARDED_BY(mutex);
};

}  // namespace

std::shared_ptr<const std::string> trusted_certificates(const char* default_file) {
  static KnownCertificates known;
  const auto directories = variable("SSL_CERT_DIR");
  if (directories.empty()) return nullptr;
  auto file = variable("SSL_CERT_FILE");
  if (file.empty() && default_file != nullptr) file = default_file;
  const MutexLock lock(known.mutex);
  if (!known.text || file != known.file || directories != known.directories) {
    known.text = std::make_shared<const std::string>(read_certificates(file, directories));
    known.file = file;
    known.directories = directories;
  }
  return known.text;
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
