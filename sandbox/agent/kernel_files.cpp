#include "sandbox/agent/kernel_files.h"

#include <linux/magic.h>
#include <sys/statfs.h>

#include <algorithm>
#include <array>

namespace mig_sandbox {

namespace {

constexpr long kMqueueMagic = 0x19800202;
constexpr long kConfigfsMagic = 0x62656570;
constexpr std::array<long, 15> kKernelMade = {
    PROC_SUPER_MAGIC,   SYSFS_MAGIC,      CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC,
    TRACEFS_MAGIC,      SECURITYFS_MAGIC, PSTOREFS_MAGIC,     BPF_FS_MAGIC,        DEVPTS_SUPER_MAGIC,
    AUTOFS_SUPER_MAGIC, EFIVARFS_MAGIC,   BINFMTFS_MAGIC,     kMqueueMagic,        kConfigfsMagic};

}  // namespace

bool is_kernel_made(const std::string& path) {
  struct statfs info {};
  return statfs(path.c_str(), &info) == 0 &&
         std::find(kKernelMade.begin(), kKernelMade.end(), static_cast<long>(info.f_type)) != kKernelMade.end();
}

}  // namespace mig_sandbox
