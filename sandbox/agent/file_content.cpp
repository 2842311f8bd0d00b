#include "sandbox/agent/file_content.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <span>

#include "base/hex.h"
#include "sandbox/agent/kernel_files.h"

namespace mig_sandbox {

namespace {

constexpr std::size_t kBlockSize = 64U << 10U;
constexpr std::size_t kLongestLine = 256U << 10U;

tl::unexpected<mig_runner::Error> fail_path(std::string_view deed, const std::string& path, int error_number) {
  return fail(std::string(deed) + " " + path + ": " + go_error_text(error_number));
}

// The bytes of a file in blocks. zlib reads a file that is not gzip as it is, so it serves both ways; but only where
// asked, since it would also unpack what a search wants to see packed.
class Source {
 public:
  static Result<Source> open(const std::string& path, bool decompress) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return fail_path("open", path, errno);
    struct stat status {};
    // It may have become something else since it was looked at.
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
      ::close(fd);
      return fail("open " + path + ": not a regular file");
    }
    // What only root may read there can be used up by reading (/proc/kmsg, tracing's pipes).
    if ((status.st_mode & S_IROTH) == 0 && is_kernel_made(path)) {
      ::close(fd);
      return fail_path("open", path, EACCES);
    }
    Source source(path, fd);
    if (decompress) source.gzip_.reset(gzdopen(dup(fd), "rb"));
    return source;
  }
  Source(Source&& other) noexcept
      : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), gzip_(std::move(other.gzip_)) {}
  Source& operator=(Source&&) = delete;
  ~Source() {
    if (fd_ >= 0) ::close(fd_);
  }

  // Bytes read into `block`; 0 at the end. Some files of /proc have nothing to give now (EAGAIN): that is their end.
  Result<std::size_t> read(char* block, std::size_t size) {
    const auto got = gzip_ ? gzread(gzip_.get(), block, static_cast<unsigned>(size)) : ::read(fd_, block, size);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (!gzip_ && (errno == EAGAIN || errno == EINTR)) return 0;
    return gzip_ ? Result<std::size_t>(fail("read " + path_ + ": broken gzip data"))
                 : Result<std::size_t>(fail_path("read", path_, errno));
  }

 private:
  struct CloseGzip {
    void operator()(gzFile file) const { gzclose(file); }
  };
  Source(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  std::string path_;
  int fd_;
  std::unique_ptr<gzFile_s, CloseGzip> gzip_;
};

// Gives the file to `use` block by block until it says false.
Result<void> read_blocks(const std::string& path, bool decompress, const Deadline& deadline,
                         const std::function<bool(std::string_view)>& use) {
  auto source = Source::open(path, decompress);
  if (!source) return tl::unexpected(source.error());
  const auto block = std::make_unique<char[]>(kBlockSize);
  while (!deadline.passed()) {
    const auto size = source->read(block.get(), kBlockSize);
    if (!size) return tl::unexpected(size.error());
    if (*size == 0) return {};
    if (!use({block.get(), *size})) return {};
  }
  return fail("read " + path + ": stopped at the time limit");
}

// Cuts blocks into lines without their line feed and a carriage return before it.
class LineSplitter {
 public:
  explicit LineSplitter(std::function<bool(std::string_view)> use) : use_(std::move(use)) {}
  bool add(std::string_view block) {
    for (std::size_t end = block.find('\n'); end != std::string_view::npos; end = block.find('\n')) {
      if (!give(block.substr(0, end))) return false;
      block.remove_prefix(end + 1);
    }
    rest_.append(block);
    if (rest_.size() < kLongestLine) return true;
    return finish();
  }
  bool finish() { return rest_.empty() || give({}); }

 private:
  bool give(std::string_view end) {
    if (rest_.empty()) return use_(without_return(end));
    rest_.append(end);
    const bool more = use_(without_return(rest_));
    rest_.clear();
    return more;
  }
  static std::string_view without_return(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  std::function<bool(std::string_view)> use_;
  std::string rest_;
};

}  // namespace

std::string go_error_text(int error_number) {
  std::string text = std::strerror(error_number);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

Result<std::vector<bool>> match_lines(const std::string& path, const std::vector<const Pattern*>& patterns,
                                      bool every_line, bool decompress, const Deadline& deadline) {
  std::vector<bool> found(patterns.size(), false);
  bool every_line_held = true;
  LineSplitter lines([&](std::string_view line) {
    if (every_line) {
      every_line_held = std::all_of(patterns.begin(), patterns.end(), [&](auto* p) { return p->holds_for(line); });
      return every_line_held;
    }
    for (std::size_t i = 0; i < patterns.size(); ++i) {
      if (!found[i]) found[i] = patterns[i]->found_in(line);
    }
    return std::find(found.begin(), found.end(), false) != found.end();
  });
  bool more = true;
  const auto read = read_blocks(path, decompress, deadline, [&](std::string_view block) {
    more = lines.add(block);
    return more;
  });
  if (!read) return tl::unexpected(read.error());
  if (more) lines.finish();
  if (every_line) return std::vector<bool>(patterns.size(), every_line_held);
  for (std::size_t i = 0; i < patterns.size(); ++i) found[i] = found[i] != patterns[i]->inverted();
  return found;
}

Result<std::string> digest_file(const std::string& path, const std::string& algorithm, bool decompress,
                                const Deadline& deadline) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const EVP_MD* const method = EVP_get_digestbyname(algorithm.c_str());
  if (!context || method == nullptr || EVP_DigestInit_ex(context.get(), method, nullptr) != 1) {
    return fail(algorithm + " is not available");
  }
  const auto read = read_blocks(path, decompress, deadline, [&](std::string_view block) {
    return EVP_DigestUpdate(context.get(), block.data(), block.size()) == 1;
  });
  if (!read) return tl::unexpected(read.error());
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), digest, &size);
  return mig_runner::upper_hex(std::span(digest, size));
}

}  // namespace mig_sandbox
