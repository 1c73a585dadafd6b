// The screen at the gate: shows what the daemon tells, and says so itself when it tells nothing.

const SILENT_MS = 2000; // as long as nobody takes a gate that is thinking for one that is broken
const LOOK_MS = 200;
const PICTURE_MS = 150;
const NO_PICTURE_MS = 700;
// texts grow to this part of their size where there is room, and shrink to that before they are cut
const SMALLEST = 0.4;
const LARGEST = 1.3;
const LARGEST_REASON = 1.5; // its lines are smaller to begin with
// what a refusal stays on the screen for, unless somebody else comes
const IDLE = new Set(["show_code", "show_face", "closed"]);

const body = document.body;
const byId = (id) => document.getElementById(id);
const slots = [...document.querySelectorAll(".saying")];
const still = matchMedia("(prefers-reduced-motion: reduce)");
// a display that hangs upright or upside down: no compositor turns it in the same way
const turned = new URLSearchParams(location.search).get("turn");
if (turned) document.documentElement.dataset.turn = turned;

const read = (slot) => ({
    lang: slot.lang,
    title: slot.querySelector(".title").textContent,
    why: "",
    todo: slot.querySelector(".todo").textContent,
});
// the page comes with the words for the one thing that the daemon can't say
const SILENT = {
    screen: "silent",
    texts: slots.map(read),
    contact: byId("contact").textContent,
    tone: "",
    speech: "",
};

let hello = { layout: "together", alternate_ms: 4000, refused_ms: 0, tones: false, speech: false };
let told = null; // the daemon's newest view
let shown = null;
let shownAt = 0;
let later = 0;
let heardAt = performance.now();
let turn = 0;

// --- words and shapes ---

function write(element, text) {
    element.textContent = text ?? "";
    element.hidden = !text;
}

function show(view) {
    if (view === shown) return;
    const again = shown && shown.screen === view.screen && shown.reason === view.reason;
    shown = view;
    shownAt = performance.now();
    body.dataset.screen = view.screen;
    body.dataset.reason = view.reason ?? "";
    body.classList.toggle("reason", view.texts.some((text) => text.why));
    slots.forEach((slot, place) => {
        const text = view.texts[place];
        slot.lang = text.lang;
        write(slot.querySelector(".title"), text.title);
        write(slot.querySelector(".why"), text.why);
        write(slot.querySelector(".todo"), text.todo);
    });
    write(byId("name"), view.name);
    write(byId("temperature"), view.temperature);
    byId("person").hidden = !view.name && !view.temperature;
    write(byId("contact"), view.contact);
    for (const icon of document.querySelectorAll(".icon")) {
        const means = icon.dataset.for.split(" ");
        icon.classList.toggle("now", means.includes(view.screen));
        icon.classList.toggle("hint", means.includes(view.hint));
    }
    body.classList.toggle("hinted", Boolean(view.hint));
    fill(view.ring);
    watch(view.camera);
    if (!again) {
        turn = 0;
        sound(view);
    }
    takeTurns();
}

function fill(ring) {
    const circle = byId("ring");
    for (const running of circle.getAnimations()) running.cancel();
    if (!ring) return;
    circle.animate(
        { strokeDashoffset: [(100 * ring.left_ms) / ring.of_ms, 0] },
        // most measurements are over long before the time given is
        { duration: ring.left_ms, fill: "forwards", easing: still.matches ? "steps(4)" : "cubic-bezier(0.1, 0.7, 0.3, 1)" },
    );
}

function takeTurns() {
    const inTurn = hello.layout === "alternately" && slots.length > 1;
    body.classList.toggle("alternately", inTurn);
    slots.forEach((slot, place) => {
        slot.hidden = inTurn && place !== turn % slots.length;
    });
    fit();
}

function fit() {
    const words = byId("words");
    const root = document.documentElement.style;
    const largest = body.classList.contains("reason") ? LARGEST_REASON : LARGEST;
    for (let scale = largest; scale >= SMALLEST; scale -= 0.05) {
        root.setProperty("--scale", scale.toFixed(2));
        if (words.scrollHeight <= words.clientHeight + 1 && words.scrollWidth <= words.clientWidth + 1) return;
    }
}

// --- sound ---

const players = new Map();
let playing = [];

function player(path) {
    if (!players.has(path)) {
        const made = new Audio(`/-/${path}`);
        made.preload = "auto";
        players.set(path, made);
    }
    return players.get(path);
}

let repeat = 0;

function sound(view) {
    clearTimeout(repeat);
    for (const audio of playing) {
        audio.pause();
        audio.onended = null;
    }
    playing = [];
    const paths = [];
    if (hello.tones && view.tone) paths.push(`tones/${view.tone}.wav`);
    if (hello.speech && view.speech) paths.push(`speech/${view.speech}`);
    body.dataset.sound = paths.join(" ");
    playing = paths.map(player);
    playing.forEach((audio, place) => {
        audio.currentTime = 0;
        audio.onended = () => play(playing[place + 1]);
    });
    if (playing.length && view.loop_ms !== undefined) {
        playing.at(-1).onended = () => {
            repeat = setTimeout(() => play(playing[0]), view.loop_ms);
        };
    }
    play(playing[0]);
}

function play(audio) {
    // a browser without --autoplay-policy=no-user-gesture-required stays quiet; lamps and words tell
    audio?.play().catch(() => { body.dataset.quiet = "yes"; });
}

// --- the camera's view ---

let watching = false;

function watch(wanted) {
    const image = byId("camera");
    if (!wanted) image.hidden = true;
    if (wanted && !watching) nextPicture();
    watching = Boolean(wanted);
    figure();
}

function nextPicture() {
    const image = byId("camera");
    const next = (wait, seen) => () => {
        image.hidden = !seen || !watching;
        figure();
        if (watching) setTimeout(nextPicture, wait);
    };
    if (!shown.camera) return;
    image.onload = next(PICTURE_MS, true);
    image.onerror = next(NO_PICTURE_MS, false);
    image.src = `camera.jpg?${Math.round(performance.now())}`;
}

function figure() {
    body.classList.toggle("pictured", !byId("camera").hidden);
}

// --- what the daemon tells ---

function take(view) {
    told = view;
    clearTimeout(later);
    const left = shown?.screen === "refused" && IDLE.has(view.screen)
        ? shownAt + hello.refused_ms - performance.now() : 0;
    if (left > 0) {
        later = setTimeout(() => show(told), left);
    } else {
        show(view);
    }
}

function look() {
    if (performance.now() - heardAt > SILENT_MS) {
        clearTimeout(later);
        show(SILENT);
    } else if (shown === SILENT && told) {
        show(told);
    }
}

// not a page that the daemon does not serve at this moment: a browser's error page stays for ever
function renew() {
    fetch(location.href).then((answer) => (answer.ok ? location.reload() : Promise.reject(answer.status)))
        .catch(() => setTimeout(renew, 1000));
}

function listen() {
    const source = new EventSource("events");
    const on = (name, does) => source.addEventListener(name, (event) => {
        const data = JSON.parse(event.data);
        heardAt = performance.now() - (data.silent_ms ?? 0);
        does(data);
    });
    on("hello", (data) => {
        // the daemon was renewed: so is this page
        if (hello.build && hello.build !== data.build) renew();
        hello = data;
    });
    on("view", take);
    on("beat", look);
    source.onerror = () => {
        if (source.readyState === EventSource.CLOSED) setTimeout(listen, 1000);
    };
}

setInterval(look, LOOK_MS);
setInterval(() => {
    if (hello.layout !== "alternately") return;
    if (performance.now() - shownAt >= (turn + 1) * hello.alternate_ms) {
        turn += 1;
        takeTurns();
    }
}, LOOK_MS);
addEventListener("resize", fit);
document.fonts.ready.then(fit);
listen();
