#pragma once

#include <string>

namespace mig_sandbox {

// Whether a path lies in a file system whose files the kernel makes up as they are read: /proc, /sys, ..
bool is_kernel_made(const std::string& path);

}  // namespace mig_sandbox
