// "links" of compose's services: there is no such key in a profile, but each link is a dependency
// and may be another name.
#pragma once

#include <string>
#include <vector>

#include "document.hpp"

namespace sandbox::project {

struct Link {
    std::string service;
    std::string alias;  // empty: its own name
    Place at;
};

// "db" or "db:mysql" each. What is no text is left out; throws UsageError with the place for what
// its variables make of one.
[[nodiscard]] std::vector<Link> read_links(const Documents& documents, const Node& links);

// Into the keys of the service that has the links: each is a dependency, unless "depends_on" says
// something about that service already. Whether there is one of that name is the reader's to say.
void add_link_dependencies(const std::vector<Link>& links, Table& service);

// Into the services that are linked to.
void add_link_aliases(const std::vector<Link>& links, Node& services);

}  // namespace sandbox::project
