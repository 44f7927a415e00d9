#include "template.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"
#include "template_print.hpp"

using namespace sandbox;
using base::json::Value;
using cli::Template;

namespace {

const Value& sample() {
    static const Value value = base::json::parse(R"({
        "Name": "web", "Count": 3, "Big": 18446744073709551615, "Ratio": 0.5, "Flag": true,
        "Off": false, "Empty": "", "Nothing": null, "List": ["a", "b", "c"], "None": [],
        "Numbers": [1, 2],
        "Labels": {"z": "26", "a": "1", "com.x/y": "dotted"}, "NoLabels": {},
        "State": {"Running": true, "Pid": 42, "Status": "up", "Error": ""},
        "Networks": {"bridge": {"IPAddress": "10.0.0.2", "Aliases": ["w", "x"]}},
        "Mounts": [{"Type": "bind", "Source": "/s"}, {"Type": "volume", "Source": "v"}],
        "Html": "<a&b>", "Umlaut": "äöü"})");
    return value;
}

std::string render(std::string_view text) {
    return Template::parse(text).render(sample());
}

std::string failure(std::string_view text) {
    try {
        return "rendered: " + render(text);
    } catch (const base::Error& error) {
        return error.message();
    }
}

void check_all(const std::vector<std::pair<std::string, std::string>>& cases) {
    for (const auto& [text, expected] : cases) {
        INFO(text);
        CHECK(render(text) == expected);
    }
}

}  // namespace

TEST_CASE("fields, chains, variables and text are printed as Go prints them") {
    check_all({{"", ""},
               {"plain", "plain"},
               {"{{.Name}}", "web"},
               {"<{{ .Name }}>", "<web>"},
               {"{{.State.Pid}}", "42"},
               {"{{$.Name}}", "web"},
               {"{{(.State).Pid}}", "42"},
               {"{{(index .Networks \"bridge\").IPAddress}}", "10.0.0.2"},
               {"{{$n := .Name}}{{$n}}-{{$n}}", "web-web"},
               {"{{$s := .State}}{{$s.Pid}}", "42"},
               {"{{$n := .Name}}{{$n = \"other\"}}{{$n}}", "other"},
               {"{{\"lit\"}}{{`raw\\n`}}{{1}}{{-2}}{{0x10}}{{'a'}}{{1.5}}{{true}}",
                "litraw\\n1-216971.5true"},
               {"{{.List}}", "[a b c]"},
               {"{{.None}}", "[]"},
               {"{{.Labels}}", "map[a:1 com.x/y:dotted z:26]"},
               {"{{.State}}", "map[Error: Pid:42 Running:true Status:up]"},
               {"{{.Nothing}}", "<no value>"},
               {"{{.Labels.missing}}", "<no value>"},
               {"{{.Big}}", "18446744073709551615"},
               {"{{.Ratio}} {{.Flag}}", "0.5 true"},
               {"{{.Umlaut}}", "äöü"}});
}

TEST_CASE("trim markers and comments take the space around them") {
    check_all({{"a {{- .Name -}} b", "awebb"},
               {"a\n\t{{- /* note */ -}}\n b", "ab"},
               {"a {{/* note */}} b", "a  b"},
               {"{{- .Name -}}", "web"},
               {"{{3 -}} x", "3x"},
               {"x {{- 3}}", "x3"},
               {"{{range .List -}} {{.}} {{- end}}", "abc"}});
}

TEST_CASE("conditions follow Go's idea of truth") {
    check_all({{"{{if .Flag}}y{{else}}n{{end}}", "y"},
               {"{{if .Empty}}y{{else}}n{{end}}", "n"},
               {"{{if .None}}y{{end}}", ""},
               {"{{if .Nothing}}y{{else if .Off}}m{{else if .Count}}c{{else}}n{{end}}", "c"},
               {"{{if .Nothing}}y{{else if .Off}}m{{else}}n{{end}}!", "n!"},
               {"{{if and .Flag .Count}}y{{end}}", "y"},
               {"{{if or .Off .Empty}}y{{else}}n{{end}}", "n"},
               {"{{if not .Off}}y{{end}}", "y"},
               {"{{with .State}}{{.Pid}}{{end}}", "42"},
               {"{{with .Nothing}}y{{else}}n{{.Name}}{{end}}", "nweb"},
               {"{{with $x := .Name}}{{$x}}{{end}}", "web"},
               {"{{if $x := .Name}}{{$x}}{{end}}", "web"},
               {"{{or .Empty .Name}}", "web"},
               {"{{and .Empty .Missing}}", ""},  // the second is not looked at
               {"{{.Name | or .Empty}}", "web"}});
}

TEST_CASE("range goes over lists in order and maps by key") {
    check_all({{"{{range .List}}{{.}},{{end}}", "a,b,c,"},
               {"{{range $i, $v := .List}}{{$i}}={{$v}} {{end}}", "0=a 1=b 2=c "},
               {"{{range $k, $v := .Labels}}{{$k}}={{$v}} {{end}}", "a=1 com.x/y=dotted z=26 "},
               {"{{range $v := .List}}{{$v}}{{end}}", "abc"},
               {"{{range .None}}x{{else}}none{{end}}", "none"},
               {"{{range .Nothing}}x{{else}}none{{end}}", "none"},
               {"{{range .Mounts}}{{.Type}}:{{.Source}};{{end}}", "bind:/s;volume:v;"},
               {"{{range .List}}{{$.Name}}{{end}}", "webwebweb"},
               {"{{range .List}}{{if eq . \"b\"}}{{continue}}{{end}}{{.}}{{end}}", "ac"},
               {"{{range .List}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}", "a"},
               {"{{range .Networks}}{{range .Aliases}}{{.}}{{end}}{{end}}", "wx"},
               {"{{$n := 0}}{{range .List}}{{$n = len .}}{{end}}{{$n}}", "1"}});
}

TEST_CASE("functions do what Go's and docker's do") {
    check_all(
        {{"{{json .Labels}}", "{\"z\":\"26\",\"a\":\"1\",\"com.x/y\":\"dotted\"}"},
         {"{{json .Html}}", "\"<a&b>\""},
         {"{{.Name | upper}}", "WEB"},
         {"{{lower \"ABC\"}}", "abc"},
         {"{{title \"hello big-world it's\"}}", "Hello Big-World It's"},
         {"{{join .List \", \"}}", "a, b, c"},
         {"{{split \"a,b\" \",\"}}", "[a b]"},
         {"{{index .List 1}}", "b"},
         {"{{index .Labels \"com.x/y\"}}", "dotted"},
         {"{{index .Labels \"missing\"}}", ""},
         {"{{index .NoLabels \"missing\"}}", ""},
         {"{{index .Nothing \"missing\"}}", ""},
         {"{{index .Networks \"bridge\" \"Aliases\" 0}}", "w"},
         {"{{index .Networks \"missing\"}}", "<no value>"},
         {"{{len .List}} {{len .Name}} {{len .Labels}} {{len .Nothing}}", "3 3 3 0"},
         {"{{slice .Name 1}} {{slice .Name 0 2}} {{slice .List 1 2}}", "eb we [b]"},
         {"{{print 1 2 \"a\" \"b\" 3}}", "1 2ab3"},
         {"{{println .Name 1}}", "web 1\n"},
         {"{{printf \"%s-%d\" .Name .Count}}", "web-3"},
         {"{{.Count | printf \"%s %d\" .Name}}", "web 3"},
         {"{{eq .Name \"web\"}}{{ne .Count 3}}{{eq .Count 1 2 3}}", "truefalsetrue"},
         {"{{lt 1 2}}{{le 2 2}}{{gt 1 2}}{{ge 2 2}}{{lt \"a\" \"b\"}}", "truetruefalsetruetrue"},
         {"{{lt 1.5 2.5}}{{gt .Big 1}}", "truetrue"},
         {"{{eq .Nothing nil}}{{eq .Name nil}}", "truefalse"},
         {"{{truncate .Name 2}}{{truncate .Name 9}}", "weweb"},
         {"{{pad .Name 1 2}}|{{pad \"\" 1 2}}|", " web  ||"},
         {"{{not .Flag}}", "false"}});
}

TEST_CASE("printf knows Go's verbs, flags and complaints") {
    check_all({{"{{printf \"%v %v %v\" .List .Labels .Nothing}}",
                "[a b c] map[a:1 com.x/y:dotted z:26] <nil>"},
               {"{{printf \"%q %q\" .Name .List}}", "\"web\" [\"a\" \"b\" \"c\"]"},
               {"{{printf \"%q\" \"a\\n\\\"\\x1b\"}}", "\"a\\n\\\"\\x1b\""},
               {"{{printf \"%5d|%-5d|%05d|%+d\" 42 42 -42 42}}", "   42|42   |-0042|+42"},
               {"{{printf \"%5s|%-5s|%.2s\" .Name .Name .Name}}", "  web|web  |we"},
               {"{{printf \"%t %x %X %o %b\" true 255 255 8 5}}", "true ff FF 10 101"},
               {"{{printf \"%.2f %g\" 1.005 0.5}}", "1.00 0.5"},
               {"{{printf \"100%%\"}}", "100%"},
               {"{{printf \"%d\" .Name}}", "%!d(string=web)"},
               {"{{printf \"%d\"}}", "%!d(MISSING)"},
               {"{{printf \"x\" 1}}", "x%!(EXTRA int=1)"},
               {"{{printf \"%\"}}", "%!(NOVERB)"},
               {"{{printf \"%5s|\" \"äö\"}}", "   äö|"},
               {"{{printf \"%T %T\" 1 .List}}", "int []interface {}"}});
}

TEST_CASE("a mistake in the template is one line that names the place") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"{{", "template: :1: unclosed action"},
        {"{{.Name", "template: :1: unclosed action"},
        {"{{.Name}", "template: :1: unexpected \"}\" in operand"},
        {"a\nb{{foo}}", "template: :2: function \"foo\" not defined"},
        {"{{if .Name}}", "template: :1: unexpected EOF"},
        {"{{end}}", "template: :1: unexpected {{end}}"},
        {"{{else}}", "template: :1: unexpected {{else}}"},
        {"{{if}}x{{end}}", "template: :1: missing value for if"},
        {"{{}}", "template: :1: missing value for command"},
        {"{{$x}}", "template: :1: undefined variable \"$x\""},
        {"{{if true}}{{$x := 1}}{{end}}{{$x}}", "template: :1: undefined variable \"$x\""},
        {"{{\"a}}", "template: :1: unterminated quoted string"},
        {"{{`a}}", "template: :1: unterminated raw quoted string"},
        {"{{1x}}", "template: :1: bad number syntax: \"1x\""},
        {"{{/* a }}", "template: :1: unclosed comment"},
        {"{{break}}", "template: :1: {{break}} outside {{range}}"},
        {"{{.A | 1}}", "template: :1: non executable command in pipeline stage 2"},
        {"{{(.A}}", "template: :1: unclosed left paren"},
        {"{{template \"x\"}}", "template: :1: {{template}} is not supported"},
        {"{{if .A}}{{else}}{{else}}{{end}}", "template: :1: expected end; found {{else}}"},
        {"{{.A,}}", "template: :1: unexpected \",\" in command"},
        {"{{\"a\"\"b\"}}", "template: :1: unexpected \"\\\"b\\\"\" in operand"},
    };
    for (const auto& [text, expected] : cases) {
        INFO(text);
        CHECK(failure(text) == expected);
        CHECK_THROWS_AS(Template::parse(text), base::UsageError);
    }
}

TEST_CASE("a failure while running names the place, the expression and the reason") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"{{.Nmae}}",
         "template: :1:2: executing \"\" at <.Nmae>: map has no entry for key \"Nmae\""},
        {"x\n {{.State.Foo}}",
         "template: :2:3: executing \"\" at <.State.Foo>: map has no entry for key \"Foo\""},
        {"{{.Name.X}}",
         "template: :1:2: executing \"\" at <.Name.X>: can't evaluate field X in type string"},
        {"{{.Nothing.X}}",
         "template: :1:2: executing \"\" at <.Nothing.X>: nil pointer evaluating interface {}.X"},
        {"{{index .List 5}}",
         "template: :1:2: executing \"\" at <index>: error calling index: index out of range: 5"},
        {"{{.Name 1}}",
         "template: :1:2: executing \"\" at <.Name>: Name is not a method but has arguments"},
        {"{{1 2}}", "template: :1:2: executing \"\" at <1>: can't give argument to non-function 1"},
        {"{{nil}}", "template: :1:2: executing \"\" at <nil>: nil is not a command"},
        {"{{len 3}}",
         "template: :1:2: executing \"\" at <len>: error calling len: len of type int"},
        {"{{lt 1 \"a\"}}",
         "template: :1:2: executing \"\" at <lt>: error calling lt: incompatible types for "
         "comparison"},
        {"{{upper 1}}",
         "template: :1:2: executing \"\" at <upper>: error calling upper: wrong type for value; "
         "expected string; got int"},
        {"{{range .Count}}{{end}}",
         "template: :1:8: executing \"\" at <.Count>: range can't iterate over 3"},
        {"{{join .List}}",
         "template: :1:2: executing \"\" at <join>: wrong number of args for join: want 2 got 1"},
        {"{{and}}",
         "template: :1:2: executing \"\" at <and>: wrong number of args for and: want at least 1 "
         "got 0"},
    };
    for (const auto& [text, expected] : cases) {
        INFO(text);
        CHECK(failure(text) == expected);
    }
}

TEST_CASE("an unknown field comes with the nearest known one as a hint") {
    try {
        (void)render("{{.Nmae}}");
        FAIL("rendered");
    } catch (const base::Error& error) {
        CHECK(error.hint() == "did you mean .Name?");
    }
}

TEST_CASE("deep nesting is refused, not a crash") {
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += "{{if .A}}";
    CHECK(failure(deep) == "template: :1: nested too deep");
    CHECK(failure("{{" + std::string(100'000, '(')) == "template: :1: nested too deep");
    std::string chain = "{{if .Off}}";
    for (int i = 0; i < 1000; ++i) chain += "{{else if .Off}}";
    CHECK(failure(chain + "{{end}}") == "template: :1: nested too deep");
}

TEST_CASE("a template knows which fields of its data it can ask for") {
    const auto used = [](std::string_view text) { return Template::parse(text).fields_used(); };
    CHECK(used("{{.A}} {{.B.C}}") == std::set<std::string>{"A", "B"});
    CHECK(used("{{range .A}}{{.X}}{{$.D}}{{end}}") == std::set<std::string>{"A", "D"});
    CHECK(used("{{with .A}}{{.X}}{{else}}{{.E}}{{end}}") == std::set<std::string>{"A", "E"});
    CHECK(used("{{if eq (index .A \"k\") .B}}{{.C | upper}}{{end}}") ==
          std::set<std::string>{"A", "B", "C"});
    CHECK(used("text")->empty());
    CHECK_FALSE(used("{{json .}}"));
    CHECK_FALSE(used("{{$x := .}}"));
    CHECK_FALSE(used("{{range .A}}{{json $}}{{end}}"));
}

TEST_CASE("in a heading docker's functions answer their first argument") {
    cli::RenderOptions options;
    options.heading = true;
    const auto heading = [&](std::string_view text) {
        return Template::parse(text).render(sample(), options);
    };
    CHECK(heading("{{upper .Name}} {{json .Name}} {{truncate .Name 1}} {{join .Name \",\"}}") ==
          "web web web web");
    CHECK(heading("{{pad .Name 3 3}}{{if true}}!{{end}}") == "web!");
}

TEST_CASE("a field with arguments is answered by the caller's methods") {
    cli::RenderOptions options;
    options.call = [](std::string_view name,
                      const std::vector<Value>& arguments) -> std::optional<Value> {
        if (name != "Label") return std::nullopt;
        return Value("<" + *arguments.at(0).as_string() + ">");
    };
    CHECK(Template::parse("{{.Label \"k\"}}").render(sample(), options) == "<k>");
    CHECK_THROWS_AS(Template::parse("{{.Other \"k\"}}").render(sample(), options), base::Error);
}
