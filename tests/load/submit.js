// Ten users hand in jobs of two new images each, as fast as they are taken; then all of them end.

import exec from "k6/execution";
import http from "k6/http";
import { check } from "k6";

import { API, STATS, finish, sign_in, submit, unique } from "./service.js";

export const options = {
  scenarios: {
    submit: { executor: "constant-vus", vus: 10, duration: __ENV.DURATION || "20s" },
  },
  thresholds: {
    checks: ["rate==1"],
    http_req_failed: ["rate==0"],
    "http_req_duration{name:submit}": ["p(95)<1000"],
  },
  summaryTrendStats: STATS,
  teardownTimeout: "15m",
};

export function setup() {
  return Array.from({ length: 10 }, (_, number) => sign_in(unique(`submit${number}`)));
}

export default function (users) {
  const seed = 1000 + exec.scenario.iterationInTest * 2;
  const user = users[exec.vu.idInTest % users.length];
  const accepted = submit([seed, seed + 1], { ...user, tags: { name: "submit" } });
  check(accepted, { accepted: (answer) => answer.status === 202 });
}

export function teardown(users) {
  for (const user of users) {
    const newest = http.get(`${API}/jobs?limit=1`, user).json("data")[0];
    check(finish(newest.id, user), { "the last job ends": (job) => job.status === "succeeded" });
  }
}
