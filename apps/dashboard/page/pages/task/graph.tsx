import { useEffect, useRef, useState } from "preact/hooks";
import { toneOf } from "../../parts/badge.tsx";
import { Panel } from "../../parts/panel.tsx";
import { useLoad } from "../../state/load.ts";
import { navigate } from "../../state/location.ts";
import { getJson } from "../../wire/api.ts";
import { isFailure } from "../../wire/problem.ts";
import type { Graph, GraphNode, Task } from "../../wire/shapes.ts";
import type { Drawing } from "./lay-out-graph.ts";

/** Below this share of its size, a picture is scrolled and not made smaller. */
const SMALLEST = 0.75;
/** More would be a carpet, not a picture. */
const NODES_DRAWN_MAX = 300;

/** The tasks that it depends on, and those that depend on it; nothing for a task that stands alone. */
export function GraphPanel({ task }: { readonly task: Task }) {
  const path = `/api/tasks/${encodeURIComponent(task.task_id)}/graph`;
  const { value: graph } = useLoad(`${path} ${task.phase}`, (signal) =>
    getJson<Graph>(path, signal).catch((error: unknown) => {
      if (isFailure(error, 404, 405, 501)) return null;
      throw error;
    }),
  );
  const [drawing, setDrawing] = useState<Drawing | null>(null);
  useEffect(() => {
    if (graph === null || graph === undefined || graph.nodes.length < 2) return;
    let isWanted = true;
    void import("./lay-out-graph.ts").then(({ layOutGraph }) => {
      if (isWanted) setDrawing(layOutGraph(graph, NODES_DRAWN_MAX));
    });
    return () => {
      isWanted = false;
    };
  }, [graph]);
  if (drawing === null || graph === null || graph === undefined) return null;
  const isCut = graph.truncated || graph.nodes.length > NODES_DRAWN_MAX;
  return (
    <Panel
      title="Graph"
      about={
        <p>
          {graph.nodes.length} tasks{isCut ? "; not all of them are drawn" : ""}
        </p>
      }
    >
      <Picture drawing={drawing} selfId={task.task_id} />
    </Panel>
  );
}

function Picture({ drawing, selfId }: { readonly drawing: Drawing; readonly selfId: string }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // The task that the page is about comes first, wherever it stands in a picture that is larger than the screen.
    const [self, sight] = [box.current?.querySelector(".self"), box.current];
    if (self == null || sight === null) return;
    const [at, place] = [self.getBoundingClientRect(), sight.getBoundingClientRect()];
    sight.scrollBy({
      left: at.left + at.width / 2 - place.left - place.width / 2,
      top: at.top + at.height / 2 - place.top - place.height / 2,
    });
  }, [drawing.width, drawing.height, selfId]);
  return (
    <div class="graph" ref={box} tabIndex={0} role="group" aria-label="Graph of tasks">
      <svg
        viewBox={`0 0 ${drawing.width} ${drawing.height}`}
        style={{ width: `${drawing.width}px`, minWidth: `${drawing.width * SMALLEST}px`, maxWidth: "100%" }}
        role="group"
        aria-label="Tasks and their dependencies"
      >
        {drawing.edges.map((edge) => (
          <path key={edge.key} class="edge" d={edge.path} />
        ))}
        {drawing.nodes.map(({ node, x, y }) => (
          <Node
            key={node.task_id}
            node={node}
            isSelf={node.task_id === selfId}
            at={{ x, y, width: drawing.nodeWidth }}
          />
        ))}
      </svg>
    </div>
  );
}

interface NodeProps {
  readonly node: GraphNode;
  readonly isSelf: boolean;
  readonly at: { readonly x: number; readonly y: number; readonly width: number };
}

const ID_CHARS_MAX = 22;

function Node({ node, isSelf, at: { x, y, width } }: NodeProps) {
  const to = `/tasks/${encodeURIComponent(node.task_id)}`;
  const id =
    node.task_id.length > ID_CHARS_MAX ? `${node.task_id.slice(0, ID_CHARS_MAX - 1)}…` : node.task_id;
  return (
    <a
      href={to}
      aria-label={`${node.task_id}, ${node.status}`}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey) return;
        event.preventDefault();
        navigate(to);
      }}
    >
      <g class={`${toneOf(node.status)} ${isSelf ? "self" : ""}`} transform={`translate(${x} ${y})`}>
        <title>{`${node.task_id} (${node.task_type}): ${node.phase}`}</title>
        <rect width={width} height={42} rx={5} />
        <text x={10} y={18}>
          {id}
        </text>
        <text x={10} y={33} class="soft">
          {node.task_type} · {node.status}
        </text>
      </g>
    </a>
  );
}
