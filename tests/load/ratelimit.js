// Twenty users of one key race for its quota: not one request more passes, and all are told.

import http from "k6/http";
import { check } from "k6";
import { Counter } from "k6/metrics";

import { API, STATS, bearer } from "./service.js";

// As the service was started with: reads of an account in a minute. A key has half of them.
const QUOTA = Number(__ENV.READS_PER_MINUTE) / 2;
const passed = new Counter("passed");
const refused = new Counter("refused");
const RACERS = 20;

export const options = {
  scenarios: {
    race: { executor: "shared-iterations", vus: RACERS, iterations: QUOTA * 3, maxDuration: "50s" },
  },
  thresholds: {
    checks: ["rate==1"],
    passed: [`count==${QUOTA}`],
    refused: [`count==${QUOTA * 2}`],
  },
  summaryTrendStats: STATS,
};

export default function () {
  const answer = http.get(`${API}/jobs`, {
    ...bearer(),
    responseCallback: http.expectedStatuses(200, 429),
  });
  const state = /^"read-(key|user|address)";r=(\d+);t=(\d+)$/.exec(answer.headers.Ratelimit);
  check(answer, {
    "200 or 429": (each) => each.status === 200 || each.status === 429,
    "the policy is told": (each) => each.headers["Ratelimit-Policy"].includes(`q=${QUOTA};w=60`),
    "the state is told": () => state !== null && Number(state[3]) <= 60,
  });
  if (answer.status === 429) {
    refused.add(1);
    check(answer, {
      "nothing is left": () => Number(state[2]) === 0,
      "Retry-After is the window's end": (each) => each.headers["Retry-After"] === state[3],
      "it is a problem": (each) => each.json("code") === "rate_limited",
    });
  } else {
    passed.add(1);
  }
}
