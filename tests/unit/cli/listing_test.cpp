#include "listing.hpp"

#include <array>
#include <catch2/catch.hpp>

#include "listing_flags.hpp"
#include "sandbox/base/error.hpp"

using namespace sandbox;
using namespace sandbox::cli;
using base::json::Object;
using base::json::Value;

namespace {

struct Row {
    std::string id;
    std::string name;
    std::int64_t bytes;
};

int expensive_calls = 0;

constexpr std::array<Field<Row>, 5> kFields{{
    {"ID", "CONTAINER ID",
     [](const Row& row, const ListFlags& flags) {
         return Value(flags.no_trunc ? row.id : row.id.substr(0, 4));
     }},
    {"Names", "NAMES", [](const Row& row, const ListFlags&) { return Value(row.name); }},
    {"Bytes", "SIZE",
     [](const Row& row, const ListFlags&) { return Value(std::to_string(row.bytes) + "B"); },
     [](const Row& row) { return Value(row.bytes); }},
    {"Expensive", "EXPENSIVE",
     [](const Row&, const ListFlags&) {
         ++expensive_calls;
         return Value("x");
     },
     nullptr, false},
    {"Label", "",
     [](const Row& row, const ListFlags&) {
         return Value(base::json::Object{{"com.example.some-name", row.name}});
     },
     nullptr, false},
}};

const std::vector<Row> kRows{{"abcdef", "web", 100}, {"123456", "a-long-name-indeed", 20}};

std::string list(const ListFlags& flags, const std::vector<Row>& rows = kRows) {
    return render_listing<Row>({kFields, {"ID", "Names", "Bytes"}, "ID"}, rows, flags);
}
std::string list(const std::string& format) {
    ListFlags flags;
    flags.format = format;
    return list(flags);
}

}  // namespace

TEST_CASE("the default table aligns its columns and pads no last cell") {
    CHECK(list("") ==
          "CONTAINER ID   NAMES                SIZE\n"
          "abcd           web                  100B\n"
          "1234           a-long-name-indeed   20B\n");
    CHECK(list("table") == list(""));
}

TEST_CASE("an empty table is its heading, or nothing without one") {
    ListFlags flags;
    CHECK(list(flags, {}) == "CONTAINER ID   NAMES     SIZE\n");
    flags.no_heading = true;
    CHECK(list(flags, {}).empty());
    flags.no_heading = false;
    flags.format = "json";
    CHECK(list(flags, {}).empty());
}

TEST_CASE("a tab or a line's end in a value does not break the table, and is kept elsewhere") {
    const std::vector<Row> rows{{"abcd", "a\tb\nc", 1}};
    ListFlags flags;
    CHECK(list(flags, rows) ==
          "CONTAINER ID   NAMES     SIZE\n"
          "abcd           a b c     1B\n");
    flags.format = "{{.Names}}";
    CHECK(list(flags, rows) == "a\tb\nc\n");
}

TEST_CASE("json is one object a line with sorted keys and without the costly fields") {
    expensive_calls = 0;
    CHECK(list("json") ==
          "{\"Bytes\":\"100B\",\"ID\":\"abcd\",\"Names\":\"web\"}\n"
          "{\"Bytes\":\"20B\",\"ID\":\"1234\",\"Names\":\"a-long-name-indeed\"}\n");
    CHECK(list("{{json .}}") == list("json"));
    CHECK(expensive_calls == 0);
    CHECK(list("{{.Expensive}}") == "x\nx\n");
    CHECK(expensive_calls == 2);
}

TEST_CASE("a template is rendered a line per object, backslashes in single quotes included") {
    CHECK(list("{{.ID}}\\t{{.Names}}") == "abcd\tweb\n1234\ta-long-name-indeed\n");
    CHECK(list("{{.ID}}\\n-") == "abcd\n-\n1234\n-\n");
    CHECK(list("fixed") == "fixed\nfixed\n");
}

TEST_CASE("a table template takes its headings from the fields, also through functions") {
    CHECK(list("table {{.Names}}\\t{{upper .ID}}") ==
          "NAMES                CONTAINER ID\n"
          "web                  ABCD\n"
          "a-long-name-indeed   1234\n");
    CHECK(list("table {{.ID}}\t{{.Label \"com.example.some-name\"}}") ==
          "CONTAINER ID   some name\n"
          "abcd           web\n"
          "1234           a-long-name-indeed\n");
    ListFlags flags;
    flags.format = "table {{.Names}}";
    flags.no_heading = true;
    CHECK(list(flags) == "web\na-long-name-indeed\n");
}

TEST_CASE("a label is asked for by its key and a missing one is empty") {
    CHECK(list("<{{.Label \"com.example.some-name\"}}{{.Label \"missing\"}}>") ==
          "<web>\n<a-long-name-indeed>\n");
}

TEST_CASE("quiet shows the id alone, in full with no-trunc, and gives way to a template") {
    ListFlags flags;
    flags.quiet = true;
    CHECK(list(flags) == "abcd\n1234\n");
    flags.no_trunc = true;
    CHECK(list(flags) == "abcdef\n123456\n");
    flags.format = "{{.Names}}";
    CHECK(list(flags) == "web\na-long-name-indeed\n");
}

TEST_CASE("sorting is by the true value, not by its text, and by any case of the name") {
    ListFlags flags;
    flags.format = "{{.Bytes}}";
    flags.sort = "bytes";
    CHECK(list(flags) == "20B\n100B\n");
    flags.sort = "Names";
    CHECK(list(flags) == "20B\n100B\n");
    flags.sort = "colour";
    CHECK_THROWS_WITH(list(flags), "cannot sort by \"colour\"");
}

TEST_CASE("an unknown field fails even without any object") {
    ListFlags flags;
    flags.format = "{{.Nmaes}}";
    try {
        (void)list(flags, {});
        FAIL("rendered");
    } catch (const base::UsageError& error) {
        CHECK(error.hint() == "did you mean .Names?");
    }
}

TEST_CASE("columns are at least ten wide, cells are measured in characters") {
    CHECK(align_columns("a\tb\nc\td\n") == "a         b\nc         d\n");
    CHECK(align_columns("ä\tb\n") == "ä         b\n");
    CHECK(align_columns("").empty());
    CHECK(align_columns("one\n") == "one\n");
    CHECK(align_columns("\n") == "\n");
    CHECK(align_columns("\t\tx\n") == "                    x\n");
}

TEST_CASE("a line without a cell ends the column, the next run has its own width") {
    CHECK(align_columns("a\tb\nalone\nlonger-than-ten\tb\n") ==
          "a         b\nalone\nlonger-than-ten   b\n");
}

TEST_CASE(
    "inspect prints what is not there as docker does, and a name that is unknown is a mistake") {
    const std::vector<Value> objects{Object{
        {"State", Object{{"Running", true}}},
        {"Config", Object{{"Cmd", nullptr}, {"Volumes", nullptr}, {"StopTimeout", nullptr}}}}};
    CHECK(render_inspect(objects, "{{.Config.Cmd}} {{.Config.Volumes}} {{.Config.StopTimeout}}") ==
          "[] map[] <nil>\n");
    CHECK(render_inspect(objects, "{{len .Config.Cmd}}{{json .Config.Cmd}}") == "0null\n");
    CHECK(render_inspect(objects, "{{.State.Health}}") == "<nil>\n");
    CHECK(render_inspect(objects, "{{json .State}}") == "{\"Running\":true}\n");
    CHECK(render_inspect(objects,
                         "{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}"
                         "{{with .State.Health}}{{.Status}}{{end}}") == "none\n");
    CHECK_THROWS_WITH(render_inspect(objects, "{{.State.Health.Status}}"),
                      Catch::Contains("<.State.Health.Status>: map has no entry for key "
                                      "\"Health\""));
    CHECK_THROWS_WITH(render_inspect(objects, "{{if .State.Helth}}{{end}}"),
                      Catch::Contains("map has no entry for key \"Helth\""));
}

TEST_CASE("inspect prints an indented array, compact json, or a line per object") {
    const std::vector<Value> objects{base::json::parse("{\"Id\":\"a\",\"L\":[]}"),
                                     base::json::parse("{\"Id\":\"b\",\"L\":[1]}")};
    CHECK(render_inspect(objects, "") ==
          "[\n    {\n        \"Id\": \"a\",\n        \"L\": []\n    },\n"
          "    {\n        \"Id\": \"b\",\n        \"L\": [\n            1\n        ]\n    }\n]\n");
    CHECK(render_inspect(objects, "json") ==
          "[{\"Id\":\"a\",\"L\":[]},{\"Id\":\"b\",\"L\":[1]}]\n");
    CHECK(render_inspect(objects, "{{.Id}}") == "a\nb\n");
    CHECK(render_inspect({}, "") == "[]\n");
    CHECK(render_inspect({}, "{{.Id}}").empty());
}

TEST_CASE("long texts are cut between characters, and the mark of it counts") {
    CHECK(shortened("", 3).empty());
    CHECK(shortened("abc", 3) == "abc");
    CHECK(shortened("abcd", 3) == "ab…");
    CHECK(shortened("äöü", 3) == "äöü");
    CHECK(shortened("äöüß", 3) == "äö…");
}
