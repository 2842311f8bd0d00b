#include "spool/writer.h"

#include <fcntl.h>

#include <cerrno>
#include <csignal>

#include "base/file_status.h"

namespace mig_runner::spool {

Writer writer_of(const std::filesystem::path& file) {
  static const auto ignored = std::signal(SIGIO, SIG_IGN);
  static_cast<void>(ignored);
  const auto fd = open_regular(file);
  if (!fd || !*fd) return Writer::unknown;
  if (fcntl((*fd)->get(), F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN ? Writer::some : Writer::unknown;
  fcntl((*fd)->get(), F_SETLEASE, F_UNLCK);
  return Writer::none;
}

}  // namespace mig_runner::spool
