// Paints hours on the ink grid by dragging (mouse, pen, or a finger after a short press), by its headings (an hour of
// every day, a whole day), and whole patterns.
// Every cell is a checkbox: without this file, or with a keyboard, it works one by one.
(function () {
  "use strict";
  var PATTERNS = {
    every: function (day, hour) { return hour < 8 || hour >= 22; },
    // nights that begin on a working day: the last one ends on Saturday morning
    nights: function (day, hour) {
      return hour >= 22 ? day < 5 || null : hour < 8 ? (day > 0 && day < 6) || null : day < 5 ? false : null;
    },
    weekend: function (day) { return day >= 5 ? true : null; },
    all: function () { return true; },
    none: function () { return false; }
  };
  function start(box) {
    if (box.dataset.started) return;
    box.dataset.started = "1";
    var grid = box.querySelector(".paint");
    var said = box.querySelector("[data-painted]");
    var presets = box.querySelector("[data-presets]");
    var ink = null, last = null, press = null, skip = null;
    function cells() { return grid.querySelectorAll("input"); }
    function count() {
      if (said) said.textContent = said.dataset.text.replace("{n}", grid.querySelectorAll("input:checked").length);
    }
    function tell() {
      count();
      grid.dispatchEvent(new Event("painted", { bubbles: true }));
      var form = box.closest("form");
      if (form) form.dispatchEvent(new Event("painted"));
    }
    function paint(cell) {
      if (!cell || cell === last || !grid.contains(cell) || cell.type !== "checkbox" || cell.disabled) return;
      cell.checked = ink;
      last = cell;
    }
    function begin(cell, pointer) {
      ink = !cell.checked;
      last = null;
      grid.classList.add("painting");
      grid.setPointerCapture(pointer);
      paint(cell);
      skip = cell;
    }
    grid.addEventListener("pointerdown", function (event) {
      var cell = event.target;
      skip = null;
      if (cell.type !== "checkbox" || cell.disabled || box.disabled || event.button !== 0) return;
      if (event.pointerType === "touch") {
        // a finger that moves at once scrolls; one that rests paints
        press = setTimeout(function () { begin(cell, event.pointerId); }, 250);
      } else {
        begin(cell, event.pointerId);
      }
    });
    grid.addEventListener("pointermove", function (event) {
      if (ink === null) return;
      paint(document.elementFromPoint(event.clientX, event.clientY));
    });
    grid.addEventListener("touchmove", function (event) {
      if (ink !== null) event.preventDefault();
      else clearTimeout(press);
    }, { passive: false });
    function end() {
      clearTimeout(press);
      if (ink === null) return;
      ink = null;
      grid.classList.remove("painting");
      tell();
    }
    grid.addEventListener("pointerup", end);
    grid.addEventListener("pointercancel", end);
    // the click that follows a stroke must not turn its first cell back; a key's click (detail 0) is none of those
    grid.addEventListener("click", function (event) {
      if (!skip || event.detail === 0) return;
      if (event.target === skip || event.target === grid) event.preventDefault();
      skip = null;
    });
    grid.addEventListener("contextmenu", function (event) { if (ink !== null) event.preventDefault(); });
    grid.addEventListener("change", tell);
    grid.addEventListener("keydown", function (event) {
      var step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 24, ArrowUp: -24 }[event.key];
      if (!step || event.target.type !== "checkbox") return;
      var all = Array.from(cells());
      if (getComputedStyle(grid).gridAutoFlow === "column") step = { 1: 24, "-1": -24, 24: 1, "-24": -1 }[step];
      var at = all.indexOf(event.target) + step;
      while (all[at] && all[at].disabled) at += step;
      var next = all[at];
      if (next) { event.preventDefault(); next.focus(); }
    });
    function line(name) {
      var n = Number(name.slice(1));
      return Array.from(cells()).filter(function (cell, i) {
        return (name[0] === "d" ? Math.floor(i / 24) : i % 24) === n && !cell.disabled;
      });
    }
    grid.querySelectorAll("[data-line]").forEach(function (heading) {
      var button = document.createElement("button");
      button.type = "button";
      button.className = heading.className;
      button.textContent = heading.textContent;
      button.title = heading.dataset.says;
      button.setAttribute("aria-label", heading.dataset.says);
      button.addEventListener("click", function () {
        var those = line(heading.dataset.line);
        var value = !those.every(function (cell) { return cell.checked; });
        those.forEach(function (cell) { cell.checked = value; });
        tell();
      });
      heading.replaceWith(button);
    });
    // a night alone needs its days as well; whoever presses another pattern gets back what stood there
    function days(pressed) {
      var form = box.closest("form");
      ["from", "until"].forEach(function (name) {
        var field = form && form.elements[name === "from" ? "from_date" : "to_date"];
        if (!field) return;
        if (pressed[name]) {
          if (!field.dataset.before) field.dataset.before = field.value;
          field.value = pressed[name];
        } else if (field.dataset.before) {
          field.value = field.dataset.before;
          delete field.dataset.before;
        }
      });
    }
    if (presets) {
      presets.hidden = false;
      presets.addEventListener("click", function (event) {
        var those = (event.target.dataset.hours || "").split(" ");
        var pattern = PATTERNS[event.target.dataset.preset];
        if (event.target.dataset.hours) {
          pattern = function (day, hour) { return those.indexOf(String(day * 24 + hour)) >= 0; };
        }
        if (!pattern) return;
        days(event.target.dataset);
        cells().forEach(function (cell, i) {
          var value = pattern(Math.floor(i / 24), i % 24);
          if (value !== null && !cell.disabled) cell.checked = value;
        });
        tell();
      });
    }
    count();
  }
  function all(root) { root.querySelectorAll("[data-paint]").forEach(start); }
  all(document);
  document.addEventListener("htmx:load", function (event) { all(event.target.parentNode || document); });
})();
