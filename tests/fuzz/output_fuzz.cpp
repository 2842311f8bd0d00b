#include <fcntl.h>
#include <unistd.h>

#include "fuzz/target.h"
#include "plugin/output_reader.h"

namespace mig_runner::fuzz {

FUZZ_TARGET(output) {
  int ends[2];
  if (bytes.size() > 60'000 || pipe(ends) != 0) return;
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  const auto written = write(ends[1], bytes.data(), bytes.size());
  close(ends[1]);
  std::size_t total = 0;
  plugin::OutputReader reader(UniqueFd{ends[0]}, 16, [&](std::string_view line) {
    require(line.size() <= 16 + 6, "a line is cut to its limit");
    require(line.find('\n') == std::string_view::npos, "a line is one line");
    total += line.size();
  });
  while (reader.open()) reader.read_available();
  reader.finish();
  require(written == static_cast<ssize_t>(bytes.size()), "the pipe took all");
  require(total <= bytes.size() + 6 * (1 + bytes.size()), "lines hold no more than came");
}

}  // namespace mig_runner::fuzz
