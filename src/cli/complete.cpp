#include "cli/complete.hpp"

#include <algorithm>
#include <utility>

#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/project_flags.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/store/image_store.hpp"
#include "sandbox/store/network_store.hpp"
#include "sandbox/store/volume_store.hpp"

namespace sandbox::cli {
namespace {

void add(Completion& result, const std::string& prefix, std::string word,
         std::string description = {}) {
    if (word.starts_with(prefix))
        result.candidates.push_back({std::move(word), std::move(description)});
}

void add_images(Context& context, Completion& result, const std::string& prefix) {
    for (const store::ImageRecord& record : store::ImageStore(context.store()).list()) {
        if (!record.reference) continue;
        add(result, prefix, record.reference->familiar());
        // The long spelling only for those who have begun to type it.
        if (record.reference->str() != record.reference->familiar() &&
            prefix.find('.') != prefix.npos) {
            add(result, prefix, record.reference->str());
        }
    }
}

void add_volumes(Context& context, Completion& result, const std::string& prefix) {
    for (const store::VolumeRecord& record : store::VolumeStore(context.store()).list()) {
        if (!record.anonymous) add(result, prefix, record.name);
    }
}

void add_networks(Context& context, Completion& result, const std::string& prefix) {
    for (const store::NetworkRecord& record : store::NetworkStore(context.store()).list()) {
        add(result, prefix, record.name, record.subnet);
    }
}

void add_containers(Context& context, Completion& result, const std::string& prefix) {
    for (const engine::ContainerRow& row : engine::list_containers(context.store())) {
        add(result, prefix, row.name, row.image);
    }
}

// Of the profile here, if there is one without a mistake.
void add_services(Context& context, Completion& result, const std::string& prefix) {
    const std::vector<std::string>& files = context.project.files;
    if (std::find(files.begin(), files.end(), "-") != files.end()) return;  // it is the shell's
    try {
        const Invocation none(kComposeLsCommand);
        const project::Project project = load_project(context, none, true);
        for (const project::Service& service : project.services) {
            add(result, prefix, service.name, service.is_task ? "task" : service.request.image);
        }
    } catch (const base::Error&) {  // nothing to offer
    }
}

void add_values(Context& context, Completion& result, Completes kind, const char* words,
                const std::string& prefix) {
    switch (kind) {
        case Completes::nothing:
            return;
        case Completes::file:
            result.files = true;
            return;
        case Completes::words:
            for (const std::string& word : base::split(words, ' ')) add(result, prefix, word);
            return;
        case Completes::images:
            return add_images(context, result, prefix);
        case Completes::volumes:
            return add_volumes(context, result, prefix);
        case Completes::networks:
            for (const std::string& word : base::split(words, ' ')) add(result, prefix, word);
            return add_networks(context, result, prefix);
        case Completes::services:
            return add_services(context, result, prefix);
        case Completes::containers:
            add_services(context, result, prefix);
            return add_containers(context, result, prefix);
        case Completes::objects:
            add_images(context, result, prefix);
            add_containers(context, result, prefix);
            return add_volumes(context, result, prefix);
    }
}

const Flag* flag_named(const Command& command, std::string_view name) {
    for (const Flag& flag : command.flags) {
        const std::vector<std::string> names = base::split(flag.names, ',');
        if (std::find(names.begin(), names.end(), name) != names.end()) return &flag;
    }
    return nullptr;
}

// The flag whose value the word behind `word` is: "--env", "-e", and "-ite" in a cluster.
const Flag* flag_waiting_for_value(const Command& command, const std::string& word) {
    if (word.size() < 2 || word[0] != '-' || word.find('=') != std::string::npos) return nullptr;
    if (word[1] == '-') {
        const Flag* flag = flag_named(command, word);
        return flag != nullptr && flag->kind != FlagKind::toggle ? flag : nullptr;
    }
    for (size_t i = 1; i < word.size(); ++i) {
        const Flag* flag = flag_named(command, std::string("-") + word[i]);
        if (flag == nullptr) return nullptr;
        if (flag->kind != FlagKind::toggle) return i + 1 == word.size() ? flag : nullptr;
    }
    return nullptr;
}

void add_flags(Completion& result, const Command& command, const std::string& prefix) {
    for (const Flag& flag : command.flags) {
        for (const std::string& name : base::split(flag.names, ',')) {
            if (name.size() > 2) add(result, prefix, name, flag.help);
        }
    }
    add(result, prefix, "--help", "show the flags");
}

Completion complete_command(Context& context, const Command& command,
                            const std::vector<std::string>& words) {
    Completion result;
    const std::string& current = words.back();
    const Flag* waiting = nullptr;
    bool flags_end = false;
    size_t arguments = 0;
    for (size_t i = 0; i + 1 < words.size(); ++i) {
        const std::string& word = words[i];
        if (waiting != nullptr) {
            waiting = nullptr;
        } else if (!flags_end && word == "--") {
            flags_end = true;
        } else if (!flags_end && word.size() > 1 && word[0] == '-') {
            waiting = flag_waiting_for_value(command, word);
        } else {
            ++arguments;
            flags_end = flags_end || command.stop_at_argument;
        }
    }
    if (waiting != nullptr) {
        add_values(context, result, waiting->completes, waiting->words, current);
        return result;
    }
    const size_t equals = current.find('=');
    if (!flags_end && current.starts_with("--") && equals != std::string::npos) {
        if (const Flag* flag = flag_named(command, current.substr(0, equals))) {
            add_values(context, result, flag->completes, flag->words, current.substr(equals + 1));
            for (Candidate& each : result.candidates) {
                each.word.insert(0, current.substr(0, equals + 1));
            }
        }
        return result;
    }
    if (!flags_end && current.starts_with("-")) {
        add_flags(result, command, current);
        return result;
    }
    if (command.stop_at_argument && arguments > 0) {
        result.files = true;  // the payload's own words
        return result;
    }
    if (command.max_arguments < 0 || arguments < static_cast<size_t>(command.max_arguments)) {
        add_values(context, result, command.completes, command.words, current);
    }
    return result;
}

Completion complete_verb(const std::string& group, const std::string& current) {
    Completion result;
    for (const std::string& word : words_after(group)) {
        const Command* command = find_command(group.empty() ? word : group + " " + word);
        add(result, current, word, command != nullptr ? command->summary : "more commands");
    }
    if (group.empty() && current.starts_with("-")) {
        for (const char* flag : {"--help", "--version", "--debug"}) add(result, current, flag);
    }
    return result;
}

Completion complete_words(Context& context, const std::vector<std::string>& words, size_t first);

}  // namespace

Completion complete(Context& context, const std::vector<std::string>& words) {
    size_t first = 0;
    while (first + 1 < words.size() && words[first].starts_with("-")) ++first;
    if (first + 1 < words.size() && words[first] == "compose") {
        std::vector<std::string> rest(words.begin() + static_cast<std::ptrdiff_t>(first) + 1,
                                      words.end() - 1);
        take_project_words(rest, context.project);
        rest.insert(rest.begin(), "compose");
        rest.push_back(words.back());
        return complete_words(context, rest, 0);
    }
    return complete_words(context, words, first);
}

namespace {

Completion complete_words(Context& context, const std::vector<std::string>& words, size_t first) {
    if (words.empty() || first + 1 == words.size()) {
        return complete_verb("", words.empty() ? "" : words.back());
    }
    const std::string& verb = words[first];
    if (is_group(verb) && find_command(verb) == nullptr) {
        if (first + 2 == words.size()) return complete_verb(verb, words.back());
        const Command* command = find_command(verb + " " + words[first + 1]);
        if (command == nullptr) return {};
        return complete_command(
            context, *command,
            {words.begin() + static_cast<std::ptrdiff_t>(first) + 2, words.end()});
    }
    const Command* command = find_command(verb);
    if (command == nullptr) return {};
    return complete_command(context, *command,
                            {words.begin() + static_cast<std::ptrdiff_t>(first) + 1, words.end()});
}

}  // namespace

}  // namespace sandbox::cli
