// node layout_peers.mjs NAME FOLDER: reads a graph as JSON, lays it out, writes seconds, boxes and routes.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const [name, folder] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(folder), "node_modules", "x.js"));
const { sizes, edges, boxGap, rowGap } = JSON.parse(readFileSync(0, "utf8"));
const seconds = () => performance.now() / 1000;

async function elkjs() {
  const ELK = require("elkjs/lib/elk.bundled.js");
  const elk = new ELK();
  const graph = {
    id: "root",
    layoutOptions: {
      "elk.algorithm": "layered",
      "elk.direction": "DOWN",
      "elk.spacing.nodeNode": String(boxGap),
      "elk.layered.spacing.nodeNodeBetweenLayers": String(rowGap),
    },
    children: sizes.map(([width, height], at) => ({ id: `b${at}`, width, height })),
    edges: edges.map(([source, target], at) => ({
      id: `e${at}`,
      sources: [`b${source}`],
      targets: [`b${target}`],
    })),
  };
  const begin = seconds();
  const found = await elk.layout(graph);
  const took = seconds() - begin;
  const points = ({ startPoint, bendPoints = [], endPoint }) =>
    [startPoint, ...bendPoints, endPoint].map(({ x, y }) => [x, y]);
  const corners = found.children.map(({ x, y }) => [x, y]);
  return [took, corners, found.edges.map(({ sections }) => points(sections[0]))];
}

function dagre() {
  const dagre = require("@dagrejs/dagre");
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ nodesep: boxGap, ranksep: rowGap });
  sizes.forEach(([width, height], at) => graph.setNode(at, { width, height }));
  edges.forEach(([source, target]) => graph.setEdge(source, target, {}));
  const begin = seconds();
  dagre.layout(graph);
  const took = seconds() - begin;
  const corners = sizes.map(([width, height], at) => {
    const { x, y } = graph.node(at);
    return [x - width / 2, y - height / 2];
  });
  const route = ([source, target]) => graph.edge(source, target).points.map(({ x, y }) => [x, y]);
  return [took, corners, edges.map(route)];
}

const [took, corners, routes] = await { elkjs, dagre }[name]();
process.stdout.write(JSON.stringify({ seconds: took, corners, routes }));
