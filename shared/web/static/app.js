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
  // What is written into a form is kept in the tab until the form was taken: where it was refused, since its session had ended, its page has it again.
  const written = (form) => [...form.elements].filter((e) => e.name && !["hidden", "file", "submit", "button"].includes(e.type));
  const keep = (form) => {
    const values = written(form).map((e) => (e.type === "checkbox" ? e.checked : e.value));
    sessionStorage.setItem("form", JSON.stringify({ page: location.pathname + location.search, to: form.action, at: Date.now(), values }));
  };
  const giveBack = () => {
    const kept = JSON.parse(sessionStorage.getItem("form") || "null");
    if (!kept) return;
    if ("refused" in document.body.dataset) {
      sessionStorage.setItem("form", JSON.stringify({ ...kept, refused: true }));
      for (const one of document.querySelectorAll(".givenback")) {
        one.classList.add("shown");
        if (one.href) one.href = kept.page;
      }
      return;
    }
    if (!kept.refused || Date.now() - kept.at > 12 * 3600000) return sessionStorage.removeItem("form");
    const form = [...document.forms].find((f) => f.action === kept.to);
    if (location.pathname + location.search !== kept.page || !form) return;
    written(form).forEach((e, i) => {
      if (e.type === "checkbox") e.checked = kept.values[i];
      else if (kept.values[i] !== undefined) e.value = kept.values[i];
      if (e.value !== e.defaultValue && e.closest("details")) e.closest("details").open = true;
    });
    sessionStorage.removeItem("form");
  };
  giveBack();
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    keep(form);
  });
  // A page that asks how far a run is says when it gets no answer.
  const away = (is) => () => document.documentElement.classList.toggle("gone", is);
  for (const name of ["htmx:error", "htmx:response:error"]) document.addEventListener(name, away(true));
  document.addEventListener("htmx:after:swap", away(false));
  // Who comes back to a page may send its form: it was not sent with what is in it now.
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });
  for (const zone of document.querySelectorAll("input[data-zone]")) {
    if (!zone.value || zone.value === "UTC") zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || zone.value;
  }
  // On the line of time of a question appointments are dragged: one end, or all of it, in steps of five minutes. The fields have what comes of it.
  const later = (time, minutes) => new Date(Date.parse(time + "Z") + minutes * 60000).toISOString().slice(0, 16);
  for (const rect of document.querySelectorAll(".timeline rect[data-at]")) {
    const field = (name) => document.getElementById(name + "-" + rect.dataset.at);
    const bar = rect.parentNode, line = bar.ownerSVGElement, all = Number(line.dataset.minutes);
    rect.addEventListener("pointerdown", (down) => {
      if (down.button) return;
      down.preventDefault();
      rect.setPointerCapture(down.pointerId);
      const box = rect.getBoundingClientRect(), full = line.getBoundingClientRect().width, grip = Math.min(10, box.width / 3);
      const left = down.clientX < box.left + grip, right = !left && down.clientX > box.right - grip;
      const x = parseFloat(bar.getAttribute("x")), width = parseFloat(bar.getAttribute("width")), minute = 100 / all;
      const start = field("start").value, end = field("end").value;
      const move = (event) => {
        const by = Math.round(((event.clientX - down.clientX) / full) * all / 5) * 5;
        const from = right ? 0 : by, to = left ? 0 : by;
        if (width + (to - from) * minute < 4.99 * minute) return;
        bar.setAttribute("x", x + from * minute + "%");
        bar.setAttribute("width", width + (to - from) * minute + "%");
        field("start").value = later(start, from);
        field("end").value = later(end, to);
        field("verdict").value = "keep_as";
        field("verdict").closest("details").open = true;
      };
      const leave = () => rect.removeEventListener("pointermove", move);
      rect.addEventListener("pointermove", move);
      rect.addEventListener("pointerup", leave, { once: true });
      rect.addEventListener("pointercancel", leave, { once: true });
    });
  }
  document.documentElement.classList.add("js");
})();
