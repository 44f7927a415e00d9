// The JSON schema (draft 7) and the man page's list of keys, from the rows that the parser uses.
#include <map>
#include <set>

#include "keys.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/project/profile.hpp"

namespace sandbox::project {
namespace {

namespace json = base::json;
using json::Array;
using json::Object;
using json::Value;

Value type(const char* name) {
    return Object{{"type", name}};
}

Value one_of(const std::vector<const char*>& names) {
    Array types;
    for (const char* name : names) types.emplace_back(name);
    return Object{{"type", std::move(types)}};
}

Value list_of(Value items) {
    return Object{{"type", "array"}, {"items", std::move(items)}};
}

Value any_of(std::vector<Value> forms) {
    Array array;
    for (Value& form : forms) array.push_back(std::move(form));
    return Object{{"anyOf", std::move(array)}};
}

Value map_of(Value values) {
    return Object{{"type", "object"}, {"additionalProperties", std::move(values)}};
}

class SchemaMaker {
  public:
    // A table is described once, under its title, and referred to.
    Value table(const KeyTable& keys) {
        const std::string name(keys.title);
        if (made_.insert(name).second) definitions_[name] = make_table(keys);
        return Object{{"$ref", "#/definitions/" + pointer(name)}};
    }

    Value make_table(const KeyTable& keys) {
        Object properties;
        for (const KeyInfo* key : keys.keys) {
            Object schema = *make_key(*key).as_object();
            schema["description"] = std::string(key->doc);
            properties[key->name] = std::move(schema);
        }
        Object result{{"type", "object"}};
        if (!keys.doc.empty()) result["description"] = std::string(keys.doc);
        result["properties"] = std::move(properties);
        result["patternProperties"] = Object{{"^x-", Object{}}};
        result["additionalProperties"] = false;
        return result;
    }

    Object definitions() {
        Object all;
        for (auto& [name, schema] : definitions_) all[name] = std::move(schema);
        return all;
    }

  private:
    // JSON pointer (RFC 6901), then a URI fragment.
    static std::string pointer(const std::string& name) {
        std::string text;
        for (const char c : name) {
            if (c == ' ') {
                text += "%20";
            } else if (c == '/') {
                text += "~1";
            } else {
                text += c;
            }
        }
        return text;
    }

    Value nested(const KeyInfo& key) {
        return key.nested != nullptr ? table(key.nested()) : type("object");
    }

    Value make_key(const KeyInfo& key) {
        Value texts = list_of(one_of({"string", "integer", "number", "boolean"}));
        switch (key.kind) {
            case Kind::text:
                return type("string");
            case Kind::boolean:
                return one_of({"boolean", "string"});
            case Kind::integer:
            case Kind::size:
            case Kind::duration:
                return one_of({"integer", "string"});
            case Kind::number:
            case Kind::scalar:
                return one_of({"string", "integer", "number"});
            case Kind::words:
                return texts;
            case Kind::text_or_words:
                if (key.nested != nullptr) {
                    return any_of({type("string"), list_of(any_of({type("string"), nested(key)}))});
                }
                return any_of({type("string"), texts});
            case Kind::command:
                return any_of({type("string"), texts});
            case Kind::pairs:
                return any_of({list_of(type("string")),
                               map_of(one_of({"string", "integer", "number", "boolean"}))});
            case Kind::hosts:
                return any_of({list_of(type("string")),
                               map_of(any_of({type("string"), list_of(type("string"))}))});
            case Kind::ports:
                if (key.nested == nullptr) return list_of(one_of({"integer", "string"}));
                return list_of(any_of({one_of({"integer", "string"}), nested(key)}));
            case Kind::entries:
                return list_of(any_of({type("string"), nested(key)}));
            case Kind::table:
                return nested(key);
            case Kind::text_or_table:
                return any_of({type("string"), nested(key)});
            case Kind::names:
                return any_of({list_of(type("string")), map_of(nested(key))});
            case Kind::tables:
                return map_of(nested(key));
            case Kind::choice: {
                Array values;
                for (const std::string& word : base::split(key.choices, '|')) {
                    values.emplace_back(word);
                }
                return Object{{"enum", std::move(values)}};
            }
        }
        return Object{};
    }

    std::set<std::string> made_;
    std::map<std::string, Value> definitions_;
};

std::string_view kind_words(const KeyInfo& key) {
    switch (key.kind) {
        case Kind::text:
            return "text";
        case Kind::boolean:
            return "true or false";
        case Kind::integer:
            return "whole number";
        case Kind::number:
        case Kind::scalar:
            return "text or number";
        case Kind::size:
            return "size";
        case Kind::duration:
            return "duration";
        case Kind::words:
            return "list of texts";
        case Kind::text_or_words:
            return "text or list";
        case Kind::command:
            return "list of words, or one line";
        case Kind::pairs:
            return "table, or list of NAME=value";
        case Kind::hosts:
            return "table, or list of NAME:ADDRESS";
        case Kind::ports:
            return "list of ports";
        case Kind::entries:
            return "list of texts or tables";
        case Kind::table:
            return "table";
        case Kind::names:
            return "list of names, or table";
        case Kind::text_or_table:
            return "text or table";
        case Kind::tables:
            return "tables";
        case Kind::choice:
            return "one of";
    }
    return "";
}

// roff(7): a backslash starts an escape; a line that begins with a dot is a request.
std::string roff(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        if (c == '\\') {
            safe += "\\e";
        } else if (c == '-') {
            safe += "\\-";
        } else {
            safe += c;
        }
    }
    if (safe.starts_with(".") || safe.starts_with("'")) safe.insert(0, "\\&");
    return safe;
}

void write_table(const KeyTable& keys, std::set<std::string_view>& written, std::string& out) {
    if (!written.insert(keys.title).second) return;
    const std::string title = keys.title.empty() ? "the profile" : std::string(keys.title);
    out += ".SS " + roff(title) + "\n";
    if (!keys.doc.empty()) out += roff(keys.doc) + "\n";
    for (const KeyInfo* key : keys.keys) {
        out += ".TP\n.BR " + roff(key->name) + " \" (" + roff(kind_words(*key));
        if (!key->choices.empty()) {
            out += " " + roff(base::join(base::split(key->choices, '|'), ", "));
        }
        out += ")\"\n" + roff(key->doc) + "\n";
    }
    for (const KeyInfo* key : keys.keys) {
        if (key->nested != nullptr) write_table(key->nested(), written, out);
    }
}

}  // namespace

Value profile_schema() {
    SchemaMaker maker;
    Object schema{{"$schema", "http://json-schema.org/draft-07/schema#"},
                  {"title", "sandbox profile"}};
    const Value root = maker.make_table(profile_keys());
    for (const auto& [name, value] : *root.as_object()) schema[name] = value;
    schema["definitions"] = maker.definitions();
    return schema;
}

std::string profile_manual() {
    std::string out;
    std::set<std::string_view> written;
    write_table(profile_keys(), written, out);
    return out;
}

}  // namespace sandbox::project
