// The drop zone: takes a dropped file, says its name and size, shows how much was sent.
// Without this file it is a file input in an ordinary form.
(function () {
  "use strict";
  function size(bytes) {
    return bytes < 1e6 ? Math.max(1, Math.round(bytes / 1e3)) + " kB" : (bytes / 1e6).toFixed(1) + " MB";
  }
  function start(zone) {
    if (zone.dataset.started) return;
    zone.dataset.started = "1";
    var input = zone.querySelector("input[type=file]");
    var name = zone.querySelector("[data-name]");
    var bar = zone.querySelector("[data-progress]");
    var wrong = zone.querySelector("[data-wrong]");
    var go = input.form ? document.querySelectorAll('[data-bring][form="' + input.form.id + '"]') : [];
    function fault(file) {
      if (/^(image|video|audio)\/|^application\/(pdf|msword|zip$)/.test(file.type)) return wrong.dataset.kind;
      return file.size > Number(input.dataset.most || Infinity) ? wrong.dataset.size : "";
    }
    function show() {
      var file = input.files[0];
      var said = file ? fault(file) : "";
      if (said) input.value = "";  // the server would say the same, after the wait
      wrong.hidden = !said;
      wrong.textContent = said;
      name.hidden = !file;
      name.textContent = file ? file.name + ", " + size(file.size) : "";
      go.forEach(function (button) {
        button.dataset.bring = button.dataset.bring || button.textContent;
        button.textContent = file && !said ? button.dataset.ready : button.dataset.bring;
      });
    }
    go.forEach(function (button) {
      button.addEventListener("click", function (event) {
        if (input.files.length) return;
        event.preventDefault();
        input.click();
      });
    });
    input.addEventListener("change", show);
    ["dragenter", "dragover"].forEach(function (kind) {
      zone.addEventListener(kind, function (event) { event.preventDefault(); zone.classList.add("over"); });
    });
    ["dragleave", "drop"].forEach(function (kind) {
      zone.addEventListener(kind, function (event) { event.preventDefault(); zone.classList.remove("over"); });
    });
    zone.addEventListener("drop", function (event) {
      if (!event.dataTransfer.files.length) return;
      input.files = event.dataTransfer.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
    var form = input.form;
    if (!form || form.hasAttribute("hx-post")) {
      if (form) form.addEventListener("htmx:xhr:progress", function (event) {
        bar.hidden = false;
        if (event.detail.total) bar.value = Math.round(event.detail.loaded / event.detail.total * 100);
      });
      return;
    }
    // only a file large enough to wait for is worth a bar; the answer then replaces the page as a form's would
    form.addEventListener("submit", function (event) {
      var file = input.files[0];
      if (!file || file.size < 1e6 || !window.XMLHttpRequest) return;
      event.preventDefault();
      var request = new XMLHttpRequest();
      var data = new FormData(form);
      if (event.submitter && event.submitter.name) data.append(event.submitter.name, event.submitter.value);
      request.open("POST", form.action);
      request.upload.addEventListener("progress", function (e) {
        bar.hidden = false;
        if (e.lengthComputable) bar.value = Math.round(e.loaded / e.total * 100);
      });
      request.addEventListener("load", function () {
        if (request.status < 400 && request.responseURL && request.responseURL !== form.action) {
          window.location.assign(request.responseURL);
          return;
        }
        document.open();
        document.write(request.responseText);
        document.close();
      });
      request.addEventListener("error", function () { HTMLFormElement.prototype.submit.call(form); });
      request.send(data);
    });
  }
  function all(root) { root.querySelectorAll("[data-drop]").forEach(start); }
  all(document);
  document.addEventListener("htmx:load", function (event) { all(event.target.parentNode || document); });
})();
