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
  // On the line of time of a question appointments are dragged: one end, or all of it, in steps of five minutes. The fields have what comes of it.
  const later = (time, minutes) => new Date(Date.parse(time + "Z") + minutes * 60000).toISOString().slice(0, 16);
  for (const bar of document.querySelectorAll(".timeline rect[data-at]")) {
    const field = (name) => document.getElementById(name + "-" + bar.dataset.at);
    const line = bar.ownerSVGElement;
    bar.addEventListener("pointerdown", (down) => {
      if (down.button) return;
      down.preventDefault();
      bar.setPointerCapture(down.pointerId);
      const box = bar.getBoundingClientRect(), full = line.getBoundingClientRect().width, grip = Math.min(10, box.width / 3);
      const left = down.clientX < box.left + grip, right = !left && down.clientX > box.right - grip;
      const x = Number(bar.getAttribute("x")), width = Number(bar.getAttribute("width")), minute = 1000 / Number(line.dataset.minutes);
      const start = field("start").value, end = field("end").value;
      const move = (event) => {
        const by = Math.round(((event.clientX - down.clientX) / full) * Number(line.dataset.minutes) / 5) * 5;
        const from = right ? 0 : by, to = left ? 0 : by;
        if (width + (to - from) * minute < 5 * minute) return;
        bar.setAttribute("x", x + from * minute);
        bar.setAttribute("width", width + (to - from) * minute);
        field("start").value = later(start, from);
        field("end").value = later(end, to);
        field("verdict").value = "keep_as";
        field("verdict").closest("details").open = true;
      };
      const leave = () => bar.removeEventListener("pointermove", move);
      bar.addEventListener("pointermove", move);
      bar.addEventListener("pointerup", leave, { once: true });
      bar.addEventListener("pointercancel", leave, { once: true });
    });
  }
  document.documentElement.classList.add("js");
})();
