#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "project/keys.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/project/profile.hpp"

namespace sandbox::project {
namespace {

using base::json::Value;

TEST_CASE("the schema knows every key that the parser knows, with its meaning") {
    const Value schema = profile_schema();
    const Value& service = schema["definitions"]["services.NAME"];
    for (const KeyInfo* key : service_keys().keys) {
        CAPTURE(std::string(key->name));
        CHECK(service["properties"][key->name].string_or("description") == key->doc);
    }
    REQUIRE(service["additionalProperties"].as_bool() != nullptr);
    CHECK_FALSE(*service["additionalProperties"].as_bool());
    CHECK(schema["properties"]["services"]["additionalProperties"].string_or("$ref") ==
          "#/definitions/services.NAME");
}

void collect_references(const Value& value, std::set<std::string>& into) {
    if (const auto* object = value.as_object()) {
        for (const auto& [name, member] : *object) {
            if (name == "$ref")
                into.insert(member.as_string() != nullptr ? *member.as_string() : "");
            collect_references(member, into);
        }
    }
    if (const auto* array = value.as_array()) {
        for (const Value& element : *array) collect_references(element, into);
    }
}

TEST_CASE("every reference within the schema leads somewhere") {
    const Value schema = profile_schema();
    std::set<std::string> references;
    collect_references(schema, references);
    CHECK(references.size() > 10);
    for (std::string reference : references) {
        CAPTURE(reference);
        REQUIRE(reference.starts_with("#/definitions/"));
        std::string name = reference.substr(14);
        for (size_t at = name.find("%20"); at != std::string::npos; at = name.find("%20")) {
            name.replace(at, 3, " ");
        }
        CHECK(schema["definitions"][name].as_object() != nullptr);
    }
}

TEST_CASE("no key stands twice in a table, and each has a sentence") {
    for (const KeyTable* table : {&profile_keys(), &task_keys()}) {
        std::set<std::string_view> names;
        for (const KeyInfo* key : table->keys) {
            CAPTURE(std::string(key->name));
            CHECK(names.insert(key->name).second);
            CHECK(key->doc.ends_with("."));
        }
    }
}

TEST_CASE("the manual's list has a heading for every table and a line for every key") {
    const std::string manual = profile_manual();
    CHECK(manual.find(".SS services.NAME\n") != std::string::npos);
    for (const KeyInfo* key : task_keys().keys) {
        CAPTURE(std::string(key->name));
        CHECK(manual.find(".BR " + std::string(key->name) + " ") != std::string::npos);
    }
}

TEST_CASE("sandbox-profile(5) holds the list as the table gives it") {
    const std::ifstream file(SANDBOX_SOURCE_DIR "/man/sandbox-profile.5");
    std::ostringstream text;
    text << file.rdbuf();
    INFO("write the output of profile_manual() between .SH KEYS and .SH VARIABLES");
    CHECK(text.str().find(".SH KEYS\n" + profile_manual() + ".SH VARIABLES\n") !=
          std::string::npos);
}

}  // namespace
}  // namespace sandbox::project
