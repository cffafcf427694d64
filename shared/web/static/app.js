// Makes pages smoother that work without it: keys do what links and buttons do, a choice sends its form, and a form is sent once.
"use strict";
(() => {
  const writing = (e) => e.closest("input, select, textarea, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
    const at = event.target instanceof Element ? event.target : document.body;
    if (writing(at)) return;
    if ((event.key === "Enter" || event.key === " ") && at.closest("a, button, summary")) return;
    if (event.key.startsWith("Arrow") && at.closest(".scroll, [role=radiogroup]")) return;
    for (const one of document.querySelectorAll("[data-key]")) {
      if (one.dataset.key !== event.key || one.disabled) continue;
      event.preventDefault();
      one.click();
      return;
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("select[data-submit]")) event.target.form.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
  // Who comes back to a page may send its form: it was not sent with what is in it now.
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });
  for (const zone of document.querySelectorAll("input[data-zone]")) {
    if (!zone.value || zone.value === "UTC") zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || zone.value;
  }
  document.documentElement.classList.add("js");
})();
