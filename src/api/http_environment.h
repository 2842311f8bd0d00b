#pragma once

#include <memory>
#include <string>

// Settings of connections in the environment, as Go programs read them. Private to the room.
namespace mig_runner::api {

// The certificates of SSL_CERT_FILE (else of `default_file`) and of all files in the directories of SSL_CERT_DIR, which
// are separated by colons. PEM; what is no certificate is passed over. Read once, not again while both variables stay
// as they are. Null where SSL_CERT_DIR is not set: then SSL_CERT_FILE, or what libcurl takes by itself, is all. Safe
// from any thread.
std::shared_ptr<const std::string> trusted_certificates(const char* default_file);

// Whether `url` names this machine by localhost or a loopback address: no proxy is asked for it.
bool is_loopback(const std::string& url);

}  // namespace mig_runner::api
