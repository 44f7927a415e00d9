#include "engine/network/network_files.hpp"

#include <algorithm>

#include "engine/flags/option_flags.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> words;
    size_t at = 0;
    while (at < line.size()) {
        const size_t begin = line.find_first_not_of(" \t\r\v\f", at);
        if (begin == std::string_view::npos) break;
        const size_t end = std::min(line.find_first_of(" \t\r\v\f", begin), line.size());
        words.emplace_back(line.substr(begin, end - begin));
        at = end;
    }
    return words;
}

std::string without_scope(const std::string& address) {
    return address.substr(0, address.find('%'));
}

}  // namespace

ResolverSettings parse_resolv_conf(std::string_view text) {
    ResolverSettings settings;
    for (const std::string& raw_line : base::split(text, '\n')) {
        if (raw_line.starts_with('#') || raw_line.starts_with(';')) continue;
        std::vector<std::string> words = words_of(raw_line);
        if (words.size() < 2) continue;
        const std::string key = words.front();
        words.erase(words.begin());
        if (key == "nameserver" && is_ip_address(without_scope(words[0]))) {
            settings.servers.push_back(words[0]);
        } else if (key == "search" || key == "domain") {
            settings.search = std::move(words);  // the last one counts
        } else if (key == "options") {
            for (std::string& word : words) settings.options.push_back(std::move(word));
        }
    }
    return settings;
}

void drop_loopback_servers(ResolverSettings& settings) {
    std::erase_if(settings.servers, [](const std::string& server) {
        return server.starts_with("127.") || server == "::1" || server.find('%') != server.npos;
    });
}

std::vector<std::pair<std::string, std::string>> parse_hosts(std::string_view text) {
    constexpr size_t kMaxLines = 4096;
    std::vector<std::pair<std::string, std::string>> hosts;
    for (const std::string& line : base::split(text, '\n')) {
        std::vector<std::string> words = words_of(line.substr(0, line.find('#')));
        if (words.size() < 2 || !is_ip_address(without_scope(words[0]))) continue;
        std::string address = std::move(words[0]);
        words.erase(words.begin());
        hosts.emplace_back(base::join(words, " "), std::move(address));
        if (hosts.size() == kMaxLines) break;
    }
    return hosts;
}

std::vector<std::pair<std::string, std::string>> base_hosts(NetworkMode mode,
                                                            std::string_view host_hosts) {
    if (mode == NetworkMode::host) return parse_hosts(host_hosts);
    return {{"localhost", "127.0.0.1"},  {"localhost ip6-localhost ip6-loopback", "::1"},
            {"ip6-localnet", "fe00::0"}, {"ip6-mcastprefix", "ff00::0"},
            {"ip6-allnodes", "ff02::1"}, {"ip6-allrouters", "ff02::2"}};
}

}  // namespace sandbox::engine
