// Puts what changed into the page, and says so when nothing comes any more.
"use strict";
document.querySelector("[data-print]")?.addEventListener("click", () => window.print());
(() => {
    const main = document.querySelector("main[data-live]");
    const said = document.getElementById("live");
    if (!main || !said || !window.EventSource) return;
    const SILENT_MS = 12000;
    let heard = Date.now();

    const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB", { timeZone: main.dataset.zone });
    const tell = (ms) => {
        heard = Date.now();
        // read out only when something is wrong, not at each beat
        said.removeAttribute("role");
        said.classList.remove("stale");
        said.classList.add("on");
        said.dataset.at = ms;
        said.textContent = `${main.dataset.liveText} · ${clock(ms)}`;
    };

    const element = (html, old) => {
        const holder = document.createElement("template");
        const drawing = old instanceof SVGElement;
        holder.innerHTML = drawing ? `<svg>${html}</svg>` : html;
        return drawing ? holder.content.firstElementChild.firstElementChild : holder.content.firstElementChild;
    };

    const put = (name, html) => {
        const old = document.getElementById(name);
        if (!old) return;
        const fresh = element(html, old);
        if (!fresh || fresh.id !== name) return;
        if (fresh.dataset.layout) {
            if (fresh.dataset.layout !== old.dataset.layout) location.reload();
            return;
        }
        if (old.outerHTML === fresh.outerHTML) return;
        if (name === "alarms-known") document.getElementById("newer").hidden = false;
        // who is on a link by the keyboard stays there
        const held = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
        old.replaceWith(fresh);
        if (held) fresh.querySelector(`[href="${CSS.escape(held)}"]`)?.focus();
        fresh.classList.add("fresh");
    };

    const source = new EventSource(main.dataset.live);
    source.addEventListener("parts", (event) => {
        const { at, parts } = JSON.parse(event.data);
        for (const [name, html] of Object.entries(parts)) put(name, html);
        tell(at);
    });
    source.addEventListener("beat", (event) => tell(Number(event.data)));
    source.addEventListener("error", () => {
        // refused for good: the session is over, the page says where to go
        if (source.readyState === EventSource.CLOSED) location.reload();
    });
    setInterval(() => {
        if (Date.now() - heard < SILENT_MS) return;
        if (said.classList.contains("stale")) return;
        said.setAttribute("role", "alert");
        said.classList.remove("on");
        said.classList.add("stale");
        said.textContent = `${main.dataset.stale} ${clock(Number(said.dataset.at || heard))}`;
    }, 1000);
})();
