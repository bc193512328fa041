#include "core/english.hpp"

#include <algorithm>
#include <iterator>

#include "core/text.hpp"

namespace db_guard::core {

namespace {

constexpr std::string_view kNouns[] = {
    "account",      "action",       "activity",    "actor",        "address",     "admin",
    "agent",        "album",        "alert",       "answer",       "app",         "appointment",
    "article",      "asset",        "assignment",  "attachment",   "attempt",     "attribute",
    "author",       "badge",        "bank",        "banner",       "bill",        "block",
    "blog",         "board",        "book",        "booking",      "bookmark",    "branch",
    "brand",        "bucket",       "budget",      "building",     "campaign",    "candidate",
    "card",         "carrier",      "cart",        "category",     "certificate", "channel",
    "chapter",      "chat",         "child",       "city",         "claim",       "client",
    "column",       "comment",      "company",     "condition",    "contact",     "contest",
    "contract",     "conversation", "country",     "coupon",       "course",      "credential",
    "currency",     "customer",     "deal",        "delivery",     "department",  "deposit",
    "device",       "discount",     "district",    "doctor",       "document",    "domain",
    "donation",     "driver",       "employee",    "endpoint",     "enrollment",  "entity",
    "entry",        "event",        "exam",        "expense",      "facility",    "favorite",
    "feature",      "file",         "filter",      "flight",       "folder",      "follower",
    "form",         "friend",       "game",        "gateway",      "gift",        "goal",
    "grade",        "group",        "guest",       "guide",        "hotel",       "identity",
    "image",        "ingredient",   "installment", "institution",  "integration", "invitation",
    "invoice",      "issue",        "item",        "job",          "journey",     "key",
    "label",        "language",     "lead",        "lecture",      "lesson",      "letter",
    "level",        "license",      "listing",     "location",     "login",       "man",
    "manager",      "manufacturer", "match",       "meal",         "meeting",     "member",
    "merchant",     "message",      "milestone",   "module",       "movie",       "note",
    "notification", "offer",        "office",      "operation",    "option",      "order",
    "organization", "owner",        "package",     "page",         "parameter",   "parcel",
    "parent",       "participant",  "partner",     "passenger",    "password",    "patient",
    "payment",      "payout",       "permission",  "person",       "pet",         "phone",
    "photo",        "picture",      "plan",        "player",       "playlist",    "plugin",
    "policy",       "poll",         "post",        "prescription", "price",       "product",
    "profile",      "project",      "promotion",   "property",     "purchase",    "question",
    "quote",        "rating",       "reaction",    "receipt",      "recipe",      "recipient",
    "region",       "reminder",     "report",      "request",      "reservation", "resource",
    "response",     "restaurant",   "result",      "review",       "reward",      "role",
    "room",         "route",        "rule",        "salary",       "sale",        "school",
    "section",      "seller",       "sensor",      "server",       "service",     "session",
    "setting",      "shift",        "shipment",    "shop",         "site",        "skill",
    "slot",         "source",       "stage",       "statement",    "station",     "step",
    "store",        "story",        "student",     "subject",      "submission",  "subscriber",
    "subscription", "supplier",     "survey",      "tag",          "task",        "teacher",
    "team",         "template",     "tenant",      "test",         "thread",      "ticket",
    "token",        "tool",         "topic",       "tour",         "tournament",  "track",
    "trade",        "transaction",  "transfer",    "translation",  "trigger",     "trip",
    "type",         "unit",         "upload",      "user",         "vehicle",     "vendor",
    "venue",        "version",      "video",       "visit",        "visitor",     "vote",
    "voucher",      "wallet",       "warehouse",   "webhook",      "widget",      "woman",
    "worker",       "workflow",     "workspace",
};

constexpr bool sorted() {
  for (std::size_t i = 1; i < std::size(kNouns); i++) {
    if (kNouns[i - 1] >= kNouns[i]) return false;
  }
  return true;
}
static_assert(sorted(), "the nouns are looked up by halves");

struct Irregular {
  std::string_view one;
  std::string_view many;
};
constexpr Irregular kIrregular[] = {
    {"child", "children"}, {"man", "men"}, {"person", "people"}, {"woman", "women"}};

bool is_known(std::string_view noun) {
  return std::binary_search(std::begin(kNouns), std::end(kNouns), noun);
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool is_vowel(char c) { return std::string_view("aeiou").find(c) != std::string_view::npos; }

bool hisses(std::string_view noun) {
  return ends_with(noun, "s") || ends_with(noun, "x") || ends_with(noun, "z") ||
         ends_with(noun, "ch") || ends_with(noun, "sh");
}

Text regular_plural(std::string_view noun) {
  if (hisses(noun)) return concat({noun, "es"});
  const std::string_view stem = noun.substr(0, noun.size() - 1);
  const bool turns_to_ies = noun.back() == 'y' && !stem.empty() && !is_vowel(stem.back());
  return turns_to_ies ? concat({stem, "ies"}) : concat({noun, "s"});
}

}  // namespace

Text plural_of(std::string_view noun) {
  if (!is_known(noun)) return {};
  for (const Irregular& word : kIrregular) {
    if (word.one == noun) return Text(word.many);
  }
  return regular_plural(noun);
}

std::string_view singular_of(std::string_view plural) {
  if (plural.empty()) return {};
  for (const std::string_view noun : kNouns) {
    if (noun.front() == plural.front() && plural_of(noun) == plural) return noun;
  }
  return {};
}

}  // namespace db_guard::core
