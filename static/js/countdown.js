// Counts a quote down on its ruler. The page's own clock is the start (a demonstration runs on an earlier
// one), the browser only measures how long it has been open. Without this file the page says "until 09:27".
(function () {
  "use strict";
  function start(box) {
    if (box.dataset.started) return;
    box.dataset.started = "1";
    var left0 = (Date.parse(box.dataset.until) - Date.parse(box.dataset.now)) / 1000;
    var total = Number(box.dataset.totalS) || 900;
    var from = performance.now();
    var text = box.querySelector("[data-left]");
    var marks = box.querySelectorAll(".tick line");
    function show() {
      if (!box.isConnected) return;
      var left = Math.max(0, Math.ceil(left0 - (performance.now() - from) / 1000));
      var gone = marks.length * (1 - Math.min(1, left / total));
      marks.forEach(function (mark, i) { mark.classList.toggle("gone", i < gone); });
      if (left <= 0) {
        box.querySelectorAll("[data-kept],[data-left]").forEach(function (e) { e.hidden = true; });
        box.querySelector("[data-over]").hidden = false;
        document.querySelectorAll("[data-needs-quote]").forEach(function (b) { b.disabled = true; });
        return;
      }
      text.hidden = false;
      text.textContent = Math.floor(left / 60) + " " + text.dataset.min + " " + (left % 60) + " " + text.dataset.s;
      setTimeout(show, 1000);
    }
    show();
  }
  function all(root) { root.querySelectorAll("[data-countdown]").forEach(start); }
  all(document);
  document.addEventListener("htmx:load", function (event) { all(event.target.parentNode || document); });
})();
