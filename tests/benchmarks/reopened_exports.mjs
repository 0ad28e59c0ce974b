// Opens exports in headless Chromium, and says as JSON what is to be seen there.
// node reopened_exports.mjs PEERS_FOLDER CHROMIUM report FILE.html
// node reopened_exports.mjs PEERS_FOLDER CHROMIUM netron URL MODEL ATTACHMENT GRAPH NODE
// node reopened_exports.mjs PEERS_FOLDER CHROMIUM perfetto UI_FOLDER TRACE
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, join } from "node:path";

const [folder, browserPath, kind, ...given] = process.argv.slice(2);
const { chromium } = createRequire(`${folder}/`)("playwright-core");
const browser = await chromium.launch({
  executablePath: browserPath,
  args: ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function report(file) {
  const seen = [];
  for (const [width, colorScheme] of [[1280, "light"], [390, "light"], [390, "dark"]]) {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
    const page = await context.newPage();
    const remote = [];
    const errors = [];
    page.on("request", (each) => /^(file|data|blob):/.test(each.url()) || remote.push(each.url()));
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(`file://${file}`);
    await rest(500);
    const scrolled = await page.evaluate(() => document.documentElement.scrollWidth);
    const back = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    seen.push({ width, colorScheme, remote, errors, scrolled, back });
    await context.close();
  }
  return seen;
}

async function netron(url, model, attachment, graph, name) {
  const page = await browser.newPage({ viewport: { width: 1600, height: 1000 } });
  await page.context().addCookies([{ name: "consent", value: `${Date.now()}`, url }]);
  const devtools = await page.context().newCDPSession(page); // Netron forbids scripts from outside
  const all = async (selector) => {
    const { root } = await devtools.send("DOM.getDocument");
    const asked = { nodeId: root.nodeId, selector };
    return (await devtools.send("DOM.querySelectorAll", asked)).nodeIds;
  };
  const html = async (nodeId) => (await devtools.send("DOM.getOuterHTML", { nodeId })).outerHTML;
  const until = async (holds, limit_ms = 60000) => {
    const end = Date.now() + limit_ms;
    while (Date.now() < end) { // nodes are replaced while they are asked for
      if (await holds().catch(() => false)) return true;
      await rest(100);
    }
    return false;
  };
  const open = async (file) => {
    const [nodeId] = await all("#open-file-dialog");
    await devtools.send("DOM.setFileInputFiles", { nodeId, files: [file] });
  };
  const isIdle = async () => (await all("body.spinner")).length === 0;
  const isDrawn = async () => (await isIdle()) && (await all(".node")).length > 0;
  const drawn = async () => (await html((await all("#toolbar-target-selector"))[0])).match(/title="([^"]*)"/)?.[1] ?? "";
  const sidebar = async () => {
    const [nodeId] = await all("#sidebar");
    return (await html(nodeId)).replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");
  };
  await page.goto(url, { waitUntil: "commit" });
  await until(async () => (await isIdle()) && (await all("body.welcome")).length > 0);
  for (let tries = 0; tries < 3; tries += 1) {
    await open(model); // again where the page was not ready to take it
    if (await until(isDrawn, 20000)) break;
  }
  for (let tries = 0; graph && tries < 40 && !(await drawn()).includes(graph); tries += 1) {
    const before = await drawn();
    const [nodeId] = await all("#toolbar-target-selector");
    await devtools.send("DOM.focus", { nodeId }).catch(() => 0); // it is being drawn anew
    await page.keyboard.press("ArrowDown");
    await until(async () => (await isDrawn()) && (await drawn()) !== before, 5000);
  }
  await open(attachment);
  let text = "";
  await until(async () => {
    for (const nodeId of await all(".node")) {
      if (!(await html(nodeId)).includes(`>${name}<`)) continue;
      await devtools.send("DOM.scrollIntoViewIfNeeded", { nodeId });
      const top = async () => (await devtools.send("DOM.getBoxModel", { nodeId })).model.content;
      let [content, earlier] = [await top(), null];
      while (`${content}` !== `${earlier}`) { // it glides to its place
        await rest(200);
        [content, earlier] = [await top(), content];
      }
      await page.mouse.click((content[0] + content[4]) / 2, content[1] + 8); // weights stand below
      await until(async () => (text = await sidebar()).includes("Node Properties"), 3000);
      return text.includes("Metrics"); // once the attachment has been read
    }
    return false;
  });
  return text;
}

// The pages of Perfetto's user interface come from a folder, and nothing from anywhere else.
async function perfetto(root, file) {
  const kinds = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css",
    ".json": "application/json", ".wasm": "application/wasm" };
  const page = await browser.newPage({ viewport: { width: 1600, height: 1000 } });
  await page.route("**/*", (route) => {
    const { hostname, pathname } = new URL(route.request().url());
    const asked = join(root, pathname);
    if (hostname !== "localhost" || !existsSync(asked)) return route.abort();
    const contentType = kinds[extname(asked)] ?? "application/octet-stream";
    return route.fulfill({ body: readFileSync(asked), contentType });
  });
  await page.goto("https://localhost/index.html");
  await page.waitForSelector("input[type=file]", { state: "attached", timeout: 60000 });
  await page.setInputFiles("input[type=file]", file);
  await page.waitForFunction(() => globalThis.app?.trace?.engine, null, { timeout: 60000 });
  return page.evaluate(async () => {
    const counted = {
      slices: "slice",
      flows: "flow join slice a on a.id = slice_out join slice b on b.id = slice_in",
      counts: "counter join counter_track t on t.id = track_id",
      threads: "thread_track",
      errors: "stats where severity in ('error', 'data_loss') and value > 0",
    };
    const asked = Object.entries(counted).map(([name, rows]) => `(select count(*) from ${rows}) as ${name}`);
    const found = await app.trace.engine.query(`select ${asked.join(", ")}`);
    const row = found.firstRow(Object.fromEntries(Object.keys(counted).map((name) => [name, 0])));
    return Object.fromEntries(Object.keys(counted).map((name) => [name, row[name]]));
  });
}

console.log(JSON.stringify(await { report, netron, perfetto }[kind](...given)));
await browser.close();
