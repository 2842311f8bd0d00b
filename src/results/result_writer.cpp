#include "results/result_writer.h"

#include "results/result_document.h"

namespace mig_runner::results {

Result<ResultWriter> ResultWriter::create(const PathBelow& path, std::string_view action_json) {
  auto file = ResultFile::create(path);
  if (!file) return tl::unexpected(file.error());
  ResultWriter writer(std::move(*file));
  if (auto written = writer.file_.write(results::result_head(action_json)); !written)
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
  if (auto written = file_.write(results::result_tail(job, plugin)); !written) return written;
  return file_.commit();
}

}  // namespace mig_runner::results
