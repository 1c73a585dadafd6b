// The page: enrolment while there is no pass, then the code that changes with the time.

import qrcode from "./qrcode.js";
import * as passes from "./pass.js";
import * as store from "./store.js";
import { TEXTS } from "./texts.js";

const QUIET = 4; // modules: ISO/IEC 18004, section 9.1
const $ = (id) => document.getElementById(id);
const state = { language: "vi", pair: null, bytes: null, pass: null, shownStep: null };

const text = (name) => TEXTS[state.language][name];

function speak() {
  document.documentElement.lang = state.language;
  document.title = text("title");
  $("language").textContent = text("other");
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = text(element.dataset.text);
  }
  if (state.pass) describe();
}

function complain(name) {
  $("problem").textContent = name ? text(name) : "";
  $("problem").hidden = !name;
}

function draw(canvas, content) {
  const code = qrcode(0, "L"); // the smallest size: a screen has no dirt and no folds
  code.addData(content, "Alphanumeric");
  code.make();
  const count = code.getModuleCount();
  const side = count + 2 * QUIET;
  const scale = Math.max(4, Math.ceil((canvas.clientWidth * devicePixelRatio) / side));
  canvas.width = canvas.height = side * scale;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = "#000";
  for (let row = 0; row < count; row++) {
    for (let column = 0; column < count; column++) {
      if (code.isDark(row, column)) {
        pen.fillRect((column + QUIET) * scale, (row + QUIET) * scale, scale, scale);
      }
    }
  }
  canvas.dataset.modules = String(count);
}

// --- the pass ----------------------------------------------------------------------------------

function describe() {
  const { pass } = state;
  const day = (date) => date.toLocaleDateString(state.language === "vi" ? "vi-VN" : "en-GB");
  const now = Date.now();
  $("name").textContent = pass.name;
  const validity = now < pass.from ? `${text("from")} ${day(pass.from)}`
    : `${text("until")} ${day(pass.until)}`;
  $("details").textContent = [pass.category, ...pass.sites, validity].join(" · ");
  complain(now > pass.until ? "ended" : now < pass.from ? "early" : null);
}

async function turn() {
  const { pair, bytes, pass } = state;
  if (!pass) return;
  const now = Date.now();
  const step = passes.stepAt(now, pass.stepS);
  $("left").value = 1 - (now / 1000 / pass.stepS - step);
  if (step === state.shownStep) return;
  state.shownStep = step;
  const content = await passes.rotatingCode(pair, bytes, step);
  if (state.shownStep === step && state.pass === pass) {
    draw($("code"), content);
    $("code").dataset.step = String(step);
  }
}

function showPass() {
  $("enrol").hidden = true;
  $("pass").hidden = false;
  state.shownStep = null;
  describe();
  return turn();
}

async function take(link) {
  let bytes, pass;
  try {
    bytes = passes.readLink(link);
    pass = passes.readPass(bytes);
  } catch {
    return complain("notAPass");
  }
  const point = await passes.pointOf(state.pair);
  if (pass.point.some((byte, at) => byte !== point[at])) return complain("otherPhone");
  await store.save("pass", bytes);
  state.bytes = bytes;
  state.pass = pass;
  complain(null);
  return showPass();
}

async function forget() {
  if (!confirm(text("removeSure"))) return;
  await store.remove("pass");
  await store.remove("key");
  location.reload();
}

// --- enrolment ---------------------------------------------------------------------------------

async function showEnrolment() {
  $("enrol").hidden = false;
  const shown = await passes.keyTexts(state.pair);
  $("key-text").value = shown.text;
  draw($("key"), shown.code);
}

async function copy() {
  await navigator.clipboard.writeText($("key-text").value);
  $("copy").textContent = text("copied");
}

async function keyPair() {
  const known = await store.load("key");
  if (known) return known;
  const made = await passes.makeKey();
  await store.save("key", made);
  return made;
}

async function begin() {
  state.language = navigator.language.startsWith("vi") ? "vi" : "en";
  speak();
  $("language").addEventListener("click", () => {
    state.language = state.language === "vi" ? "en" : "vi";
    speak();
  });
  if (!globalThis.crypto?.subtle) return complain("insecure");
  try {
    state.pair = await keyPair();
    state.bytes = await store.load("pass");
  } catch {
    return complain("noStore");
  }
  $("copy").addEventListener("click", copy);
  $("take").addEventListener("click", () => take($("link").value));
  $("remove").addEventListener("click", forget);
  addEventListener("hashchange", arrive);
  setInterval(turn, 100);
  navigator.storage?.persist?.();
  navigator.serviceWorker?.register("sw.js");
  if (state.bytes) {
    state.pass = passes.readPass(state.bytes);
    await showPass();
  } else {
    await showEnrolment();
  }
  await arrive();
}

// a link with a pass was opened; it does not stay in the address
async function arrive() {
  if (!location.hash.startsWith("#p=")) return;
  const link = location.hash;
  history.replaceState(null, "", location.pathname);
  await take(link);
}

begin();
