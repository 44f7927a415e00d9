#include <algorithm>
#include <set>
#include <utility>

#include "cli/commands.hpp"
#include "cli/container_filter.hpp"
#include "cli/context.hpp"
#include "cli/listing_flags.hpp"
#include "cli/project_scope.hpp"
#include "cli/template_print.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::cli {
namespace {

using base::json::Object;
using base::json::Value;
using engine::ContainerRow;

constexpr Flag kFlags[] = {
    {"-a,--all", FlagKind::toggle, "", "those that have ended too"},
    kFilterFlag,
    kFormatFlag,
    {"-n,--last", FlagKind::value, "N", "the N that were made last, in any state"},
    {"-l,--latest", FlagKind::toggle, "", "the one that was made last, in any state"},
    kNoTruncFlag,
    {"--noheading", FlagKind::toggle, "", "no line of headings"},
    kQuietFlag,
    {"-s,--size", FlagKind::toggle, "", "what each has written, which takes a look at the disk"},
    kSortFlag,
    {"--services", FlagKind::toggle, "", "names of services, one a line"},
    {"--status", FlagKind::list, "STATE", "the same as --filter status=STATE"},
    {"--orphans", FlagKind::toggle, "", "accepted: they are shown"},
    kScopeFileFlag,
    kScopeNameFlag,
};
constexpr size_t kShownCommand = 20;

Value id(const ContainerRow& row, const ListFlags& flags) {
    return flags.no_trunc ? row.id : row.id.substr(0, 12);
}
Value names(const ContainerRow& row, const ListFlags&) {
    return row.name;
}
Value image(const ContainerRow& row, const ListFlags&) {
    return row.image;
}
Value image_id(const ContainerRow& row, const ListFlags& flags) {
    if (flags.no_trunc) return row.image_id;
    const size_t colon = row.image_id.find(':');
    return row.image_id.substr(colon == std::string::npos ? 0 : colon + 1).substr(0, 12);
}
Value command(const ContainerRow& row, const ListFlags& flags) {
    using template_detail::quote_go;
    return quote_go(flags.no_trunc ? row.command : shortened(row.command, kShownCommand));
}
Value status(const ContainerRow& row, const ListFlags&) {
    return row.status;
}
Value state(const ContainerRow& row, const ListFlags&) {
    return row.state;
}
Value ports(const ContainerRow& row, const ListFlags&) {
    return row.ports;
}
Value health(const ContainerRow& row, const ListFlags&) {
    return row.health;
}
Value platform(const ContainerRow& row, const ListFlags&) {
    return row.platform;
}
Value local_volumes(const ContainerRow& row, const ListFlags&) {
    return std::to_string(row.volumes);
}
Value size(const ContainerRow& row, const ListFlags&) {
    return row.size;
}
Value mounts(const ContainerRow& row, const ListFlags&) {
    return base::join(row.mounts, ",");
}
Value labels(const ContainerRow& row, const ListFlags&) {
    return labels_text(row.labels);
}
Value label(const ContainerRow& row, const ListFlags&) {
    return row.labels;
}
Value created_at(const ContainerRow& row, const ListFlags&) {
    return go_time(row.created);
}
Value running_for(const ContainerRow& row, const ListFlags&) {
    return since(row.created);
}
Value created_key(const ContainerRow& row) {
    return -row.created_ns;
}
Value networks(const ContainerRow& row, const ListFlags&) {
    return network_of(row);
}

Value service(const ContainerRow& row, const ListFlags&) {
    return row.labels.string_or(project::label::kService);
}
Value project_name(const ContainerRow& row, const ListFlags&) {
    return row.labels.string_or(project::label::kProject);
}
Value exit_code(const ContainerRow& row, const ListFlags&) {
    return row.exit_code;
}

// "80/tcp", or "80-82/tcp" of what is exposed.
void add_publishers(base::json::Array& all, const std::string& port,
                    const std::string& host_address, std::uint16_t host_port) {
    const std::vector<std::string> parts = base::split(port, '/', 2);
    const std::vector<std::string> range = base::split(parts[0], '-', 2);
    const std::uint64_t first = base::try_parse_u64(range.front()).value_or(0);
    const std::uint64_t last = base::try_parse_u64(range.back()).value_or(0);
    for (std::uint64_t each = first; each != 0 && each <= last && each <= 65535; ++each) {
        all.emplace_back(Object{{"URL", host_address},
                                {"TargetPort", each},
                                {"PublishedPort", host_port},
                                {"Protocol", parts.size() > 1 ? parts[1] : "tcp"}});
    }
}

// compose: what is exposed and not published has the port 0.
Value publishers(const ContainerRow& row, const ListFlags&) {
    base::json::Array all;
    for (const store::PortMapping& each : row.published) {
        add_publishers(all, each.port, each.host_address, each.host_port);
    }
    if (row.state != "running" && row.state != "paused") return all;
    for (const std::string& port : row.exposed_ports) {
        const auto& known = row.published_ports;
        if (std::find(known.begin(), known.end(), port) == known.end()) {
            add_publishers(all, port, "", 0);
        }
    }
    return all;
}
Value compose_health(const ContainerRow& row, const ListFlags&) {
    return row.health == "none" ? "" : row.health;
}

constexpr Field<ContainerRow> kFields[] = {
    {"ID", "CONTAINER ID", id},
    {"Names", "NAMES", names},
    {"Image", "IMAGE", image},
    {"ImageID", "IMAGE ID", image_id},
    {"Command", "COMMAND", command},
    {"Status", "STATUS", status},
    {"State", "STATE", state},
    {"Ports", "PORTS", ports},
    {"Mounts", "MOUNTS", mounts},
    {"Labels", "LABELS", labels},
    {"Label", "LABEL", label, nullptr, false},
    {"CreatedAt", "CREATED AT", created_at, created_key},
    {"Created", "CREATED", running_for, created_key},
    {"CreatedSince", "CREATED", running_for, created_key},
    {"RunningFor", "CREATED", running_for, created_key},
    {"Size", "SIZE", size},
    {"Health", "HEALTH", health},
    {"HealthStatus", "HEALTH STATUS", health},
    {"Platform", "PLATFORM", platform},
    {"LocalVolumes", "LOCAL VOLUMES", local_volumes},
    {"Networks", "NETWORKS", networks},
    {"Name", "NAME", names, nullptr, false},
    {"Service", "SERVICE", service},
    {"Project", "PROJECT", project_name},
    {"ExitCode", "EXIT CODE", exit_code, nullptr, false},
    {"Publishers", "PUBLISHERS", publishers, nullptr, false},
};

// compose's JSON has fields that docker's has not, and no word for a service without a check.
std::vector<Field<ContainerRow>> fields_of(bool of_project) {
    std::vector<Field<ContainerRow>> fields(std::begin(kFields), std::end(kFields));
    if (!of_project) return fields;
    for (Field<ContainerRow>& field : fields) {
        if (field.name == "Health") field.get = compose_health;
        if (field.name == "Name" || field.name == "ExitCode" || field.name == "Publishers") {
            field.in_json = true;
        }
    }
    return fields;
}

// Whether the project is meant; then only what it has of `rows` stays.
bool keep_projects(Context& context, const Invocation& in, std::vector<ContainerRow>& rows) {
    const bool asked =
        context.project.compose || in.try_value("project-name") || !in.list("file").empty();
    if (!asked && in.arguments().empty()) return false;
    ProjectScope scope(context, in);
    std::vector<std::string> wanted;
    if (in.arguments().empty()) {
        for (const project::Deployed& each : scope.deployed()) {
            if (each.number != 0 || in.toggle("all")) wanted.push_back(each.id);  // no one-offs
        }
    } else {
        const store::ContainerStore containers(context.store());
        for (const std::string& name : scope.containers(in.arguments())) {
            wanted.push_back(containers.find(name).id);
        }
    }
    std::erase_if(rows, [&](const ContainerRow& row) {
        return std::find(wanted.begin(), wanted.end(), row.id) == wanted.end();
    });
    return asked;
}

void print_services(Output& out, const std::vector<ContainerRow>& rows) {
    std::set<std::string> names;
    for (const ContainerRow& row : rows) {
        names.insert(row.labels.string_or(project::label::kService));
    }
    for (const std::string& name : names) {
        if (!name.empty()) out.line(name);
    }
}

int run(Context& context, const Invocation& in) {
    std::vector<std::string> asked = in.list("filter");
    for (const std::string& state : in.list("status")) asked.push_back("status=" + state);
    const Filters filters = parse_container_filters(asked);
    std::optional<std::uint64_t> last;
    if (const std::optional<std::string> text = in.try_value("last")) {
        last = base::try_parse_u64(*text);
        if (!last) throw base::UsageError("invalid argument " + base::quote(*text) + " for --last");
    }
    if (in.toggle("latest")) last = 1;
    std::vector<ContainerRow> rows = engine::list_containers(context.store());
    const bool of_project = keep_projects(context, in, rows);
    rows = filter_containers(context.store(), std::move(rows), filters,
                             in.toggle("all") || last.has_value());
    if (last && rows.size() > *last) rows.resize(*last);
    if (in.toggle("services")) {
        print_services(context.out, rows);
        return 0;
    }
    const ListFlags flags = list_flags(in);
    std::vector<std::string_view> columns = {"ID",     "Image", "Command", "CreatedSince",
                                             "Status", "Ports", "Names"};
    if (of_project) {
        columns = {"Name", "Image", "Command", "Service", "CreatedSince", "Status", "Ports"};
    }
    if (in.toggle("size")) columns.emplace_back("Size");
    if (in.toggle("size") || flags.format.find(".Size") != flags.format.npos) {
        engine::measure_rows(context.store(), rows);
    }
    const std::vector<Field<ContainerRow>> fields = fields_of(of_project);
    context.out.write(render_listing<ContainerRow>({fields, columns, "ID"}, rows, flags));
    return 0;
}

}  // namespace

constinit const Command kPsCommand = {
    .names = "ps,container ls,container list,container ps,compose ps",
    .arguments = "[SERVICE|CONTAINER...]",
    .summary = "List containers",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run,
    .completes = Completes::containers,
};

}  // namespace sandbox::cli
