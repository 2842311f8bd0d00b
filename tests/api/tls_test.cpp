#include <gmock/gmock.h>

#include "api/raw_server.h"
#include "api/requests.h"
#include "api/tls_server.h"

namespace mig_runner::api {
namespace {

using test::EnvironmentVariable;
using test::RawServer;
using test::TlsServer;
using testing::HasSubstr;

TEST(Tls, ATrustedCertificateWorks) {
  const TlsServer server;
  const EnvironmentVariable trusted("SSL_CERT_FILE", server.certificate());
  const auto answer = make()->perform(get(server.url()));
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->status, 200);
}

// As Go programs: all files in all of the directories, whatever their names.
TEST(Tls, CertificatesInDirectoriesAreTrusted) {
  const TlsServer server, other;
  const mig_runner::test::ScratchDirectory first, second;
  std::filesystem::copy(other.certificate(), first.path() / "other.pem");
  test::write_text(first.path() / "notes.txt", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n");
  std::filesystem::create_directory(first.path() / "directory");
  const auto mixed = "a note\n" + test::read_text(first.path() / "notes.txt") + test::read_text(server.certificate());
  test::write_text(second.path() / "any name", mixed);
  const auto list = "/nowhere:" + first.path().string() + ":" + second.path().string();
  {
    const EnvironmentVariable trusted("SSL_CERT_DIR", list);
    const auto answer = make()->perform(get(server.url()));
    EXPECT_TRUE(answer) << answer.error().text();
    EXPECT_TRUE(make()->perform(get(other.url())));
    std::filesystem::remove(second.path() / "any name");
    EXPECT_TRUE(make()->perform(get(server.url()))) << "they are read once";
  }
  {
    const EnvironmentVariable trusted("SSL_CERT_DIR", first.path());
    EXPECT_FALSE(make()->perform(get(server.url())));
    const EnvironmentVariable file("SSL_CERT_FILE", server.certificate());
    EXPECT_TRUE(make()->perform(get(server.url()))) << "a file and a directory";
    EXPECT_TRUE(make()->perform(get(other.url())));
  }
  const EnvironmentVariable trusted("SSL_CERT_DIR", "/nowhere");
  EXPECT_THAT(make()->perform(get(server.url())).error().what, HasSubstr("install the certificate of its authority"));
}

TEST(Tls, AnUntrustedCertificateSaysWhatToDo) {
  const TlsServer server;
  for (const auto& request : {get(server.url()), post(server.url())}) {
    const auto answer = make()->perform(request);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().retry, Retry::later);
    EXPECT_THAT(answer.error().what, HasSubstr("install the certificate of its authority"));
    EXPECT_THAT(answer.error().what, HasSubstr("api.skipverifycert"));
  }
}

TEST(Tls, TheCertificateOfAnotherHostSaysWhatToDo) {
  const TlsServer server("elsewhere.example.net");
  const EnvironmentVariable trusted("SSL_CERT_FILE", server.certificate());
  const auto answer = make()->perform(post(server.url()));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().retry, Retry::later);
  EXPECT_THAT(answer.error().what, HasSubstr("set api.url to a name that the certificate is made out to"));
}

TEST(Tls, SkippingVerificationTakesAnyCertificate) {
  const TlsServer server("elsewhere.example.net");
  HttpOptions options;
  options.skip_verify_certificate = true;
  EXPECT_EQ(make_curl_http(options, {})->perform(get(server.url())).value().status, 200);
}

TEST(Tls, VersionsBefore12AreRefused) {
  const TlsServer server("localhost", {"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"});
  HttpOptions options;
  options.skip_verify_certificate = true;
  const auto answer = make_curl_http(options, {})->perform(post(server.url()));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().retry, Retry::later);
}

TEST(Tls, AHandshakeThatFailsCanBeTriedAgain) {
  const RawServer no_tls([](int, const std::string&) {},
                         [](int fd, int) {
                           RawServer::send_text(fd, "HTTP/1.1 400 This is no TLS\r\n\r\n");
                           RawServer::end(fd);
                         });
  auto url = no_tls.url();
  url.insert(4, "s");
  const auto answer = make()->perform(post(url));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().retry, Retry::later) << answer.error().text();
}

// The CONNECT has reached the proxy, but the action has not.
TEST(Tls, AProxyThatRefusesToConnectCanBeTriedAgain) {
  for (const int status : {403, 407, 502}) {
    const RawServer proxy([&](int fd, const std::string&) { RawServer::answer(fd, status, "no"); });
    const EnvironmentVariable variable("https_proxy", proxy.url());
    auto request = post("https://api.example.net/");
    request.headers = {"X-MIGAPIKEY: hush"};
    const auto answer = make()->perform(request);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().retry, Retry::later) << answer.error().text();
    ASSERT_EQ(proxy.requests().size(), 1U);
    EXPECT_THAT(proxy.requests()[0], testing::StartsWith("CONNECT api.example.net:443 "));
    EXPECT_THAT(proxy.requests()[0], testing::Not(HasSubstr("hush")));
  }
}

}  // namespace
}  // namespace mig_runner::api
