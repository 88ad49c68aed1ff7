// Fifty users poll a job of theirs that is being worked on: each second, as the API's `Retry-After`
// says, and its items where that is news.

import exec from "k6/execution";
import http from "k6/http";
import { check, sleep } from "k6";

import { API, STATS, sign_in, submit, unique } from "./service.js";

const USERS = 50;
const IMAGES = 12;
const EVERY_S = 1;

export const options = {
  scenarios: {
    poll: { executor: "constant-vus", vus: USERS, duration: __ENV.DURATION || "30s" },
  },
  thresholds: {
    checks: ["rate==1"],
    http_req_failed: ["rate==0"],
    "http_req_duration{name:job}": ["p(95)<100"],
    "http_req_duration{name:items}": ["p(95)<100"],
  },
  summaryTrendStats: STATS,
  setupTimeout: "5m",
};

export function setup() {
  return Array.from({ length: USERS }, (_, number) => {
    const user = sign_in(unique(`poll${number}`));
    const seeds = Array.from({ length: IMAGES }, (__, image) => 50000 + number * IMAGES + image);
    return { user, id: submit(seeds, user).json("id") };
  });
}

let tag = "";

export default function (jobs) {
  if (exec.vu.iterationInScenario === 0) {
    sleep(Math.random() * EVERY_S); // nobody's first look is at the same moment as all others'
  }
  const { user, id } = jobs[exec.vu.idInTest % jobs.length];
  const headers = { ...user.headers, "If-None-Match": tag };
  const job = http.get(`${API}/jobs/${id}`, { headers, tags: { name: "job" } });
  tag = job.headers.Etag || tag;
  check(job, {
    "the job is told": () => job.status === 304 || job.json("counts").total === IMAGES,
  });
  if (job.status === 200) {
    const items = http.get(`${API}/jobs/${id}/items`, { ...user, tags: { name: "items" } });
    check(items, { "its items are told": () => items.json("data").length === IMAGES });
  }
  sleep(EVERY_S);
}
