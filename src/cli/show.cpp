#include "cli/show.hpp"

#include "sandbox/base/error.hpp"

namespace sandbox::cli {

void show_document(Output& out, const base::json::Value& document, const std::string& format) {
    if (format != "json") throw base::UsageError("templates are not there yet");
    out.line(base::json::dump(document));
}

}  // namespace sandbox::cli
