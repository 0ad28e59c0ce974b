// Opens exports in headless Chromium, and says as JSON what is to be seen there.
// node reopened_exports.mjs PEERS_FOLDER CHROMIUM report FILE.html
// node reopened_exports.mjs PEERS_FOLDER CHROMIUM netron URL MODEL ATTACHMENT GRAPH NODE
import { createRequire } from "node:module";

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
  const until = async (holds) => {
    for (let tries = 0; tries < 60 && !(await holds().catch(() => false)); tries += 1) await rest(200);
  };
  const open = async (file) => {
    const [nodeId] = await all("#open-file-dialog");
    await devtools.send("DOM.setFileInputFiles", { nodeId, files: [file] });
    await rest(2000);
  };
  await page.goto(url, { waitUntil: "commit" });
  await until(async () => (await all("body.welcome")).length > 0);
  const isDrawn = async () => (await all(".node")).length > 0;
  for (let tries = 0; tries < 3 && !(await isDrawn()); tries += 1) {
    await open(model); // again where the page was not ready to take it
    await until(isDrawn);
  }
  for (let tries = 0; graph && tries < 40; tries += 1) {
    const [nodeId] = await all("#toolbar-target-selector");
    if ((await html(nodeId)).match(/title="([^"]*)"/)?.[1].includes(graph)) break;
    await devtools.send("DOM.focus", { nodeId }).catch(() => 0); // it is being drawn anew
    await page.keyboard.press("ArrowDown");
    await rest(1000);
  }
  await open(attachment);
  let text = "";
  await until(async () => {
    for (const nodeId of await all(".node")) {
      if (!(await html(nodeId)).includes(`>${name}<`)) continue;
      await devtools.send("DOM.scrollIntoViewIfNeeded", { nodeId });
      await rest(800);
      const { content } = (await devtools.send("DOM.getBoxModel", { nodeId })).model;
      await page.mouse.click((content[0] + content[4]) / 2, content[1] + 8); // weights stand below
      await rest(1500);
      const [sidebar] = await all("#sidebar");
      text = (await html(sidebar)).replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");
      return text.includes("Node Properties");
    }
    return false;
  });
  return text;
}

console.log(JSON.stringify(await { report, netron }[kind](...given)));
await browser.close();
