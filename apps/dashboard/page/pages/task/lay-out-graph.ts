import { Graph as DagreGraph, layout } from "@dagrejs/dagre";
import type { Graph, GraphNode } from "../../wire/shapes.ts";

export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly nodeWidth: number;
  readonly nodes: readonly { readonly node: GraphNode; readonly x: number; readonly y: number }[];
  readonly edges: readonly { readonly key: string; readonly path: string }[];
}

const NODE_WIDTH = 176;
const NODE_HEIGHT = 42;
const MARGIN = 8;

/** Places for tasks and lines between them, from left to right, as the work flows. */
export function layOutGraph({ nodes, edges }: Graph, nodesMax: number): Drawing {
  const drawn = nodes.slice(0, nodesMax);
  const ids = new Set(drawn.map(({ task_id: id }) => id));
  const graph = new DagreGraph();
  graph.setGraph({ rankdir: "LR", nodesep: 14, ranksep: 48, marginx: MARGIN, marginy: MARGIN });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const id of ids) graph.setNode(id, { width: NODE_WIDTH, height: NODE_HEIGHT });
  for (const { from, to } of edges) if (ids.has(from) && ids.has(to)) graph.setEdge(from, to);
  layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return {
    ...{ width, height, nodeWidth: NODE_WIDTH },
    nodes: drawn.map((node) => {
      const { x = 0, y = 0 } = graph.node(node.task_id);
      return { node, x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 };
    }),
    edges: graph.edges().map((edge) => {
      const points: readonly { x: number; y: number }[] = graph.edge(edge).points ?? [];
      return { key: `${edge.v}\0${edge.w}`, path: pathThrough(points) };
    }),
  };
}

/** A smooth line: from each middle to the next, bent by the points between. */
function pathThrough(points: readonly { readonly x: number; readonly y: number }[]): string {
  const [first, ...rest] = points;
  const last = rest.pop();
  if (first === undefined || last === undefined) return "";
  let path = `M${first.x} ${first.y}`;
  for (const [index, point] of rest.entries()) {
    const next = rest[index + 1] ?? last;
    path += ` Q${point.x} ${point.y} ${(point.x + next.x) / 2} ${(point.y + next.y) / 2}`;
  }
  return `${path} L${last.x} ${last.y}`;
}
