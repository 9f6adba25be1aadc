// What a person finds on the page: visible elements by their role and accessible name. A short form of
// https://www.w3.org/TR/accname-1.2/, which is enough because axe-core judges the names themselves.
const implied = {
  BUTTON: "button", A: "link", SELECT: "combobox", TEXTAREA: "textbox", NAV: "navigation", MAIN: "main", TABLE: "table",
  TR: "row", LI: "listitem", UL: "list", OL: "list", DIALOG: "dialog", H1: "heading", H2: "heading", H3: "heading", H4: "heading", SECTION: "region", ARTICLE: "article",
};
const inputs = { checkbox: "checkbox", radio: "radio", range: "slider", search: "searchbox", button: "button", submit: "button" };

function roleOf(element) {
  const role = element.getAttribute("role");
  if (role) return role;
  if (element.tagName === "INPUT") return inputs[element.type] ?? "textbox";
  return implied[element.tagName] ?? "";
}

function flat(text) {
  return (text ?? "").replace(/\s+/g, " ").trim();
}

function nameOf(element) {
  // A card is known by its name and its tags, whatever else stands on it.
  if (element.getAttribute("role") === "gridcell") {
    return flat([...element.querySelectorAll(".name, .chip")].map((part) => part.textContent).join(" "));
  }
  const labelled = element.getAttribute("aria-labelledby");
  if (labelled) return flat(labelled.split(/\s+/).map((id) => document.getElementById(id)?.textContent ?? "").join(" "));
  const label = element.getAttribute("aria-label");
  if (label) return flat(label);
  if (element.labels?.length) return flat([...element.labels].map((label) => label.textContent).join(" "));
  return flat(element.innerText) || flat(element.textContent) || flat(element.getAttribute("title")) || flat(element.placeholder);
}

// What a person sees of an element: a radio or a checkbox is often drawn by its label.
function seen(element) {
  return ["radio", "checkbox"].includes(element.type) && element.labels?.length ? element.labels[0] : element;
}

function isVisible(element) {
  if (element.closest("[aria-hidden=true], [inert]")) return false;
  if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return false;
  const box = element.getBoundingClientRect();
  return box.width > 0 && box.height > 0;
}

// The element in front of everything: a dialog, else the page.
function front() {
  const dialogs = [...document.querySelectorAll("[role=dialog], [role=alertdialog], dialog[open]")].filter(isVisible);
  return dialogs.at(-1) ?? document.body;
}

function find(role, name) {
  const wanted = name.toLowerCase();
  const named = [...document.querySelectorAll("*")]
    .filter((element) => roleOf(element) === role && isVisible(seen(element)))
    .map((element) => [seen(element), nameOf(element).toLowerCase()])
    .filter(([, text]) => text.includes(wanted));
  const inFront = named.filter(([element]) => front().contains(element) || element.closest("[role=menu], [role=listbox]"));
  const reachable = inFront.length > 0 ? inFront : named;
  const exact = reachable.filter(([, text]) => text === wanted);
  return (exact.length > 0 ? exact : reachable).map(([element]) => element);
}

// Everything that a person could ask for, for the message of a failed test.
function outline() {
  return [...document.querySelectorAll("*")]
    .filter((element) => roleOf(element) !== "" && isVisible(element))
    .map((element) => `${roleOf(element)} "${nameOf(element).slice(0, 60)}"`)
    .join("\n");
}
