#include "bench/process.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>
#include <thread>

#include "bench/table.h"

namespace mig_bench {
void give_up(const std::string& why) {
  std::fprintf(stderr, "mig-bench: %s\n", why.c_str());
  throw std::runtime_error(why);
}

Process::Process(const std::vector<std::string>& arguments, const std::filesystem::path& output,
                 const std::filesystem::path& input)
    : child_(start(arguments, output, input)), output_(output) {}

Child Process::start(const std::vector<std::string>& arguments, const std::filesystem::path& output,
                     const std::filesystem::path& input) {
  auto child = Child::start({.arguments = arguments,
                             .input = Stream::from(input),
                             .output = Stream::to(output),
                             .errors = Stream::to(output)});
  if (!child) give_up(arguments[0] + " does not start: " + std::strerror(child.error()));
  return std::move(*child);
}

void Process::signal(int number) const {
  child_.signal(number);
}

void Process::succeed() {
  if (child_.wait().exit_code != 0) give_up("a program failed: " + read_text(output_));
}

void Process::stop() {
  signal(SIGTERM);
  end();
}

double Process::cpu_milliseconds() {
  if (!running()) return std::chrono::duration<double, std::milli>(child_.wait().cpu).count();
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(child_.id(), &clock) != 0 || clock_gettime(clock, &time) != 0)
    give_up("no CPU clock of a process");
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

double Process::status_mib(const std::string& field) const {
  const auto text = read_text("/proc/" + std::to_string(child_.id()) + "/status");
  const auto at = text.find(field + ":");
  if (at == std::string::npos) give_up("no " + field + " of a process");
  return std::stod(text.substr(at + field.size() + 1)) / 1024;
}

double Process::peak_mib() const {
  return status_mib("VmHWM");
}

double Process::resident_mib() const {
  return status_mib("VmRSS");
}

std::int64_t Process::bytes_read() const {
  const auto text = read_text("/proc/" + std::to_string(child_.id()) + "/io");
  return std::stoll(text.substr(text.find("rchar:") + 6));
}

Cost run(const std::vector<std::string>& arguments, const std::filesystem::path& output,
         const std::filesystem::path& input) {
  const auto begin = std::chrono::steady_clock::now();
  Process process(arguments, output, input);
  process.succeed();
  return {milliseconds_between(begin, std::chrono::steady_clock::now()), process.cpu_milliseconds()};
}

std::string output_of(const std::vector<std::string>& arguments) {
  auto name = (std::filesystem::temp_directory_path() / "mig-bench-output-XXXXXX").string();
  const int file = mkstemp(name.data());
  if (file < 0) give_up("no temporary file");
  close(file);
  run(arguments, name);
  auto text = read_text(name);
  std::filesystem::remove(name);
  return text;
}

void wait_until(const std::string& what, const std::function<bool()>& condition, std::chrono::seconds at_most) {
  const auto end = std::chrono::steady_clock::now() + at_most;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) give_up("waited in vain for " + what);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

int LogWatch::count() {
  std::ifstream file(file_, std::ios::binary);
  file.seekg(read_);
  std::ostringstream added;
  added << file.rdbuf();
  rest_ += added.str();
  read_ += static_cast<std::streamoff>(added.str().size());
  std::size_t at = 0;
  for (auto end = rest_.find('\n'); end != std::string::npos; at = end + 1, end = rest_.find('\n', at))
    if (std::string_view(rest_).substr(at, end - at).find(text_) != std::string_view::npos) ++count_;
  rest_.erase(0, at);
  return count_;
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_text(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) give_up("a file cannot be written: " + path.string());
}

}  // namespace mig_bench
