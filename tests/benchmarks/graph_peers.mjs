// Milliseconds from navigation until a page in headless Chromium has drawn a graph and rests.
// node graph_peers.mjs PEERS_FOLDER CHROMIUM URL LIMIT_MS SELECTOR PICTURE
// SELECTOR is what holds the drawing; drawn means that it shows more than its background, twice alike.
import { createRequire } from "node:module";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";

const [folder, browserPath, url, limit, selector, picture] = process.argv.slice(2);
const { chromium } = createRequire(`${folder}/`)("playwright-core");
const browser = await chromium.launch({
  executablePath: browserPath,
  args: ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--enable-unsafe-swiftshader"],
});
const page = await browser.newPage({ viewport: { width: 1600, height: 1000 } });
await page.context().addCookies([{ name: "consent", value: `${Date.now()}`, url }]); // Netron asks first
const devtools = await page.context().newCDPSession(page); // Netron forbids scripts from outside

async function sign() {
  const { root } = await devtools.send("DOM.getDocument");
  const found = await devtools.send("DOM.querySelector", { nodeId: root.nodeId, selector });
  if (!found.nodeId) return null;
  const { data } = await devtools.send("Page.captureScreenshot");
  return { data, hash: createHash("sha1").update(data).digest("hex") };
}

const begin = performance.now();
await page.goto(url, { waitUntil: "commit" });
let last = "";
let lastChange = 0;
let drawn = null;
while (performance.now() - begin < Number(limit)) {
  const seen = performance.now() - begin;
  const shot = await sign().catch(() => null);
  if (shot && shot.hash === last && performance.now() - begin - lastChange > 1500) {
    drawn = lastChange;
    writeFileSync(picture, Buffer.from(shot.data, "base64"));
    break;
  }
  if (shot && shot.hash !== last) {
    last = shot.hash;
    lastChange = seen;
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
}
console.log(JSON.stringify({ drawn_ms: drawn }));
await browser.close();
