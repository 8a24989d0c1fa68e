// Small courtesies on every page: the account menu closes when one clicks elsewhere or presses Escape,
// a form is sent once, buttons with data-print print, a change in data-submit-on-change asks anew, and a link
// with data-fill writes its data-value into the field of that id (without this file it brings the page filled).
// A details with data-keep and an id stays open when htmx brings a new one.
// What was wrong with a field is no longer said once it is written anew; the server looks at it again.
(function () {
  "use strict";
  document.addEventListener("click", function (event) {
    document.querySelectorAll("details.menu[open]").forEach(function (menu) {
      if (!menu.contains(event.target)) menu.open = false;
    });
    if (event.target.closest("[data-print]")) window.print();
    var fill = event.target.closest("a[data-fill]");
    var field = fill && document.getElementById(fill.dataset.fill);
    if (!field) return;
    event.preventDefault();
    field.value = fill.dataset.value;
    field.dispatchEvent(new Event("change", { bubbles: true }));
    field.focus();
  });
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    document.querySelectorAll("details.menu[open]").forEach(function (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.method !== "post" || event.defaultPrevented || form.hasAttribute("hx-post")) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    setTimeout(function () { delete form.dataset.sent; }, 8000);
    // coming back with the Back button must find the form usable
    window.addEventListener("pageshow", function () { delete form.dataset.sent; }, { once: true });
  });
  var kept = [];
  document.addEventListener("htmx:beforeSwap", function (event) {
    kept = Array.from(event.target.querySelectorAll("details[data-keep][open]")).map(function (box) { return box.id; });
  });
  document.addEventListener("htmx:afterSwap", function () {
    kept.forEach(function (id) { var box = document.getElementById(id); if (box) box.open = true; });
  });
  document.addEventListener("input", function (event) {
    var box = event.target.closest && event.target.closest(".field");
    var fault = box && box.querySelector("[id$='_error']");
    if (!fault) return;
    fault.remove();
    event.target.removeAttribute("aria-invalid");
  });
  document.addEventListener("change", function (event) {
    var form = event.target.closest("form[data-submit-on-change]");
    if (form) form.requestSubmit();
  });
})();
