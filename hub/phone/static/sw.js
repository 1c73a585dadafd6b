// The page works without a network: all of it lies in the cache, and is renewed when it can be.

const CACHE = "edge-gate-pass-1";
const FILES = [
  "./", "app.js", "bytes.js", "pass.js", "qrcode.js", "store.js", "texts.js", "style.css",
  "icon.svg", "manifest.webmanifest",
];

addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)).then(() => skipWaiting()));
});

addEventListener("activate", (event) => {
  const others = caches.keys().then((names) => names.filter((name) => name !== CACHE));
  event.waitUntil(
    others.then((names) => Promise.all(names.map((name) => caches.delete(name))))
      .then(() => clients.claim()),
  );
});

async function fresh(request) {
  const answer = await fetch(request);
  if (answer.ok) await (await caches.open(CACHE)).put(request, answer.clone());
  return answer;
}

addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== location.origin) return;
  const kept = caches.match(request, { ignoreSearch: true });
  // from the cache at once, renewed behind it for the next time
  const renewed = fresh(request).catch(() => null);
  event.respondWith(kept.then(async (answer) => answer ?? (await renewed) ?? Response.error()));
  event.waitUntil(renewed);
});
