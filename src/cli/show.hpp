// One document (version, info, inspect) in the form that --format asks for.
#pragma once

#include <string>

#include "cli/output.hpp"
#include "sandbox/base/json.hpp"

namespace sandbox::cli {

// "json": one compact line. Anything else is a template.
void show_document(Output& out, const base::json::Value& document, const std::string& format);

}  // namespace sandbox::cli
