#include "runner/result_writer.h"

#include <algorithm>
#include <fstream>
#include <string>

#include "mig/result_document.h"

namespace mig_runner::runner {
namespace {

// Longer than any tail: a job's name has at most 200 bytes, a plugin's at most 255, each escaped to six at most.
constexpr std::streamoff kTailBytes = 4096;

}  // namespace

Result<ResultWriter> ResultWriter::create(const std::filesystem::path& path, std::string_view action_json) {
  auto file = DurableFile::create(path);
  if (!file) return tl::unexpected(file.error());
  ResultWriter writer(std::move(*file));
  if (auto written = writer.file_.write(mig::result_head(action_json)); !written)
    return tl::unexpected(written.error());
  return writer;
}

Result<void> ResultWriter::add(const api::CommandSlice& command) {
  const bool first = ids_.empty();
  if (!ids_.insert(command.id).second) return {};
  if (!first) {
    if (auto written = file_.write(","); !written) return written;
  }
  return file_.write(command.json);
}

Result<void> ResultWriter::finish(std::string_view job, std::string_view plugin) {
  if (auto written = file_.write(mig::result_tail(job, plugin)); !written) return written;
  return file_.commit();
}

Result<void> check_result_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return fail("the result file cannot be opened", path);
  const std::streamoff size = file.tellg();
  const std::string_view head_start = R"({"action":)";
  std::string head(head_start.size(), '\0');
  std::string tail(static_cast<std::size_t>(std::min(size, kTailBytes)), '\0');
  file.seekg(0);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  file.clear();
  file.seekg(size - static_cast<std::streamoff>(tail.size()));
  file.read(tail.data(), static_cast<std::streamsize>(tail.size()));
  const auto end = tail.rfind(R"(],"name":")");
  if (head == head_start && end != std::string::npos && tail.ends_with("\"}")) return {};
  return fail("the result file is damaged: it is not a whole result document", path);
}

}  // namespace mig_runner::runner
