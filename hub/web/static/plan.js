// Pins gates on a plan by a click; the fields beside it say the same, and are what is sent.
"use strict";
(() => {
    const plan = document.querySelector("svg[data-pins]");
    const form = document.querySelector("form.pins");
    if (!plan || !form) return;
    for (const one of document.querySelectorAll("[data-scripted]")) one.hidden = false;
    const [, , width, height] = plan.getAttribute("viewBox").split(" ").map(Number);
    const field = (way, gate) => document.getElementById(`${way}-${gate}`);
    const choices = [...form.querySelectorAll('input[name="place"]')];

    const show = (gate) => {
        const pin = document.getElementById(`place-${gate}`);
        const x = field("x", gate).valueAsNumber, y = field("y", gate).valueAsNumber;
        const placed = x >= 0 && x <= 100 && y >= 0 && y <= 100;
        pin.classList.toggle("off", !placed);
        if (placed) pin.setAttribute("transform", `translate(${x * width / 100} ${y * height / 100})`);
    };
    const choose = () => {
        const next = choices.find((one) => field("x", one.value).value === "");
        if (next) next.checked = true;
    };

    form.addEventListener("input", (event) => {
        if (event.target.dataset.gate) show(event.target.dataset.gate);
    });
    plan.addEventListener("click", (event) => {
        const chosen = choices.find((one) => one.checked);
        if (!chosen) return;
        const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(plan.getScreenCTM().inverse());
        const percent = (part, whole) => Math.min(100, Math.max(0, part / whole * 100)).toFixed(1);
        field("x", chosen.value).value = percent(at.x, width);
        field("y", chosen.value).value = percent(at.y, height);
        show(chosen.value);
        choose();
    });
    for (const one of choices) show(one.value);
    choose();
})();
