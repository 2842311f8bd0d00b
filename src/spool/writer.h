#pragma once

#include <filesystem>

// Private to the room.
namespace mig_runner::spool {

// Whether some process has a file open for writing.
enum class Writer { none, some, unknown };

// Asks the kernel for a lease (fcntl F_SETLEASE), which it grants only while nobody writes, and gives it back at once.
// Unknown where it does not tell: for a file of another user, and on network file systems. From the first call on
// the process ignores SIGIO, which the kernel sends if a writer meets the lease.
Writer writer_of(const std::filesystem::path& file);

// Whether a refused lease on a file system of this type (statfs(2)) means that somebody writes.
bool tells_of_writers(long file_system);

}  // namespace mig_runner::spool
