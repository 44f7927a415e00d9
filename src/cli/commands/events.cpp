// What happens, as documents a line. The diary is in the store; see store/event_log.hpp.
#include <algorithm>
#include <functional>
#include <limits>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/filter.hpp"
#include "cli/project_scope.hpp"
#include "cli/template.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/moment.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/store/event_log.hpp"

namespace sandbox::cli {
namespace {

using base::json::Object;
using base::json::Value;

constexpr std::int64_t kNanosecond = 1'000'000'000;
constexpr std::int64_t kNanosecondsInMs = 1'000'000;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

constexpr Flag kFlags[] = {
    {"-f,--filter", FlagKind::list, "NAME=VALUE",
     "only what fits: container, event, image, label, network, scope, type, volume"},
    {"--format", FlagKind::value, "FORMAT", "json (the default) or a template"},
    {"--no-stream", FlagKind::toggle, "", "do not wait for what comes"},
    {"--since", FlagKind::value, "TIME", "what happened since: 10m (ago), a date, or Unix time"},
    {"--until", FlagKind::value, "TIME", "end at that time"},
};

constexpr Flag kComposeFlags[] = {
    {"--json", FlagKind::toggle, "", "documents instead of lines"},
    {"--since", FlagKind::value, "TIME", "what happened since: 10m (ago), a date, or Unix time"},
    {"--until", FlagKind::value, "TIME", "end at that time"},
};

std::int64_t time_ns(const Invocation& in, std::string_view key, std::int64_t fallback) {
    const std::optional<std::string> text = in.try_value(key);
    if (!text) return fallback;
    const auto time = base::try_parse_moment(*text, base::now());
    if (!time) {
        throw base::UsageError("invalid time " + base::quote(*text) + " for --" + std::string(key),
                               "use a duration (10m), a date (2026-11-24T15:11:42) or Unix time");
    }
    return time->seconds * kNanosecond + time->nanoseconds;
}

std::int64_t now_ns() {
    const base::Timestamp now = base::now();
    return now.seconds * kNanosecond + now.nanoseconds;
}

std::map<std::string, std::string> attributes_of(const Value& event) {
    std::map<std::string, std::string> result;
    if (const Object* members = event["Actor"]["Attributes"].as_object()) {
        for (const auto& [key, value] : *members) {
            if (const std::string* text = value.as_string()) result[key] = *text;
        }
    }
    return result;
}

// Names the object itself, by name, id or the beginning of the id.
bool is_object(const Filters& filters, const char* type, const Value& event) {
    if (!filters.has(type)) return true;
    if (event.string_or("Type") != type) return false;
    const std::string id = event["Actor"].string_or("ID");
    const std::string name = event["Actor"]["Attributes"].string_or("name");
    return filters.any(type, [&](const std::string& value) {
        return value == name || (!value.empty() && id.starts_with(value));
    });
}

bool is_image(const Filters& filters, const Value& event) {
    if (!filters.has("image")) return true;
    const Value& attributes = event["Actor"]["Attributes"];
    const bool about_image = event.string_or("Type") == "image";
    const std::string name = attributes.string_or(about_image ? "name" : "image");
    const std::string id = event["Actor"].string_or("ID");
    return filters.any("image", [&](const std::string& value) {
        return value == name || name.starts_with(value + ":") ||
               (about_image && (id.starts_with(value) || id.starts_with("sha256:" + value)));
    });
}

bool matches(const Filters& filters, const Value& event) {
    const std::string action = event.string_or("Action");
    return filters.is("type", event.string_or("Type")) &&
           filters.is("scope", event.string_or("scope")) &&
           filters.any("event",
                       [&](const std::string& value) {
                           // "exec_create: sh" is an exec_create, too.
                           return action == value || action.starts_with(value + ":");
                       }) &&
           is_object(filters, "container", event) && is_object(filters, "volume", event) &&
           is_object(filters, "network", event) && is_image(filters, event) &&
           filters.matches_labels(attributes_of(event));
}

// The names that templates know.
Value for_template(const Value& event) {
    const Value& attributes = event["Actor"]["Attributes"];
    return Object{{"Type", event["Type"]},
                  {"Action", event["Action"]},
                  {"Status", event.string_or("Action")},
                  {"ID", event["Actor"]["ID"]},
                  {"From", event.string_or("from")},
                  {"Name", attributes.string_or("name")},
                  {"Image", attributes.string_or("image")},
                  {"Actor", event["Actor"]},
                  {"Attributes", attributes},
                  {"Scope", event["scope"]},
                  {"Time", event["time"]},
                  {"TimeNano", event["timeNano"]}};
}

// docker compose's line: "2026-11-24T15:11:42Z container start ID (name=p-web-1, service=web)".
std::string line_of(const Value& event) {
    const Value& attributes = event["Actor"]["Attributes"];
    return base::format_rfc3339(event["time"].try_i64().value_or(0)) + " container " +
           event.string_or("Action") + " " + event["Actor"].string_or("ID") +
           " (name=" + attributes.string_or("name") +
           ", service=" + attributes.string_or(project::label::kService) +
           ", image=" + attributes.string_or("image") + ")";
}

// The same as docker compose's document.
Value compose_document(const Value& event) {
    const Value& attributes = event["Actor"]["Attributes"];
    return Object{{"time", base::format_rfc3339(event["time"].try_i64().value_or(0))},
                  {"type", "container"},
                  {"service", attributes.string_or(project::label::kService)},
                  {"id", event["Actor"].string_or("ID")},
                  {"action", event.string_or("Action")},
                  {"attributes", Object{{"name", attributes.string_or("name")},
                                        {"image", attributes.string_or("image")}}}};
}

class Printer {
  public:
    Printer(Output& out, const std::string& format) : out_(out) {
        if (format.empty() || format == "json" || format == "{{json .}}") return;
        template_ = Template::parse(format);
    }
    void print(const Value& event) {
        out_.line(template_ ? template_->render(for_template(event))
                            : base::json::dump(event, 0, base::json::Escape::plain));
    }

  private:
    Output& out_;
    std::optional<Template> template_;
};

using Show = std::function<void(const Value& event)>;

// Hears each that was, and each that comes, as long as the flags want it.
int read_events(Context& context, const Invocation& in, bool stays, const Show& show) {
    const std::int64_t until = time_ns(in, "until", kNever);
    const bool has_past = in.try_value("since").has_value() || until < now_ns();
    // Without --since the reader begins at the end, and what is written from now on is news
    // whatever its time says: the clock may be set back while we look.
    const std::int64_t from = time_ns(in, "since", 0);
    store::EventReader reader(context.store(), !has_past);
    for (;;) {
        // Asked for first: what happens before the end has been written when we look.
        const std::int64_t now = now_ns();
        while (const auto event = reader.try_next()) {
            const std::int64_t time = (*event)["timeNano"].try_i64().value_or(0);
            if (time >= from && time <= until) show(*event);
        }
        context.out.flush();
        if (now >= until || !stays) return 0;
        const std::int64_t left_ms = (until - now) / kNanosecondsInMs + 1;
        const int timeout =
            until == kNever ? -1 : static_cast<int>(std::min<std::int64_t>(left_ms, 60'000));
        if (!reader.wait(timeout, context.out.raw_fd())) return 0;
    }
}

int run(Context& context, const Invocation& in) {
    const Filters filters = Filters::parse(
        in.list("filter"),
        {"container", "event", "image", "label", "network", "scope", "type", "volume"});
    Printer printer(context.out, in.value_or("format", ""));
    return read_events(context, in, !in.toggle("no-stream"), [&](const Value& event) {
        if (matches(filters, event)) printer.print(event);
    });
}

int run_compose(Context& context, const Invocation& in) {
    ProjectScope scope(context, in);
    const std::vector<std::string> services = scope.sort(in.arguments(), true).services;
    const std::string project = scope.name();
    const bool json = in.toggle("json");
    return read_events(context, in, true, [&](const Value& event) {
        const Value& attributes = event["Actor"]["Attributes"];
        const std::string service = attributes.string_or(project::label::kService);
        const bool wanted = services.empty() ||
                            std::find(services.begin(), services.end(), service) != services.end();
        if (event.string_or("Type") != "container" || !wanted) return;
        if (attributes.string_or(project::label::kProject) != project) return;
        context.out.line(
            json ? base::json::dump(compose_document(event), 0, base::json::Escape::plain)
                 : line_of(event));
    });
}

}  // namespace

constinit const Command kComposeEventsCommand = {
    .names = "compose events",
    .arguments = "[SERVICE...]",
    .summary = "Show what happens to the project's containers",
    .flags = kComposeFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run_compose,
    .completes = Completes::services,
};
constinit const Command kEventsCommand = {
    .names = "events,system events",
    .arguments = "",
    .summary = "Show what happens to containers, images and volumes",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run,
};

}  // namespace sandbox::cli
