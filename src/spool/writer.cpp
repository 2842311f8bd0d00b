#include "spool/writer.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "base/file_status.h"

namespace mig_runner::spool {
namespace {

// Their kernel code refuses a lease with EAGAIN also where nobody writes, as long as the server has granted nothing.
constexpr std::array<long, 4> kNetworkFileSystems{NFS_SUPER_MAGIC, SMB2_SUPER_MAGIC, CIFS_SUPER_MAGIC, AFS_SUPER_MAGIC};

}  // namespace

bool tells_of_writers(long file_system) {
  return std::find(kNetworkFileSystems.begin(), kNetworkFileSystems.end(), file_system) == kNetworkFileSystems.end();
}

Writer writer_of(const std::filesystem::path& file) {
  static const auto ignored = std::signal(SIGIO, SIG_IGN);
  static_cast<void>(ignored);
  const auto fd = open_regular(file);
  if (!fd || !*fd) return Writer::unknown;
  struct statfs file_system {};
  if (fstatfs((*fd)->get(), &file_system) != 0 || !tells_of_writers(file_system.f_type)) return Writer::unknown;
  if (fcntl((*fd)->get(), F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN ? Writer::some : Writer::unknown;
  fcntl((*fd)->get(), F_SETLEASE, F_UNLCK);
  return Writer::none;
}

}  // namespace mig_runner::spool
