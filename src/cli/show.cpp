#include "cli/show.hpp"

#include "cli/template.hpp"

namespace sandbox::cli {

void show_document(Output& out, const base::json::Value& document, const std::string& format) {
    if (format == "json") {
        out.line(base::json::dump(document));
    } else {
        out.line(Template::parse(format).render(document));
    }
}

}  // namespace sandbox::cli
