// One user, once through everything that a job goes through.

import http from "k6/http";
import { check } from "k6";

import { API, BASE, STATS, bearer, finish, submit } from "./service.js";

export const options = {
  scenarios: { smoke: { executor: "per-vu-iterations", vus: 1, iterations: 3 } },
  thresholds: { checks: ["rate==1"], http_req_failed: ["rate==0"] },
  summaryTrendStats: STATS,
};

export default function () {
  const ask = (path, params = bearer()) => http.get(`${API}${path}`, params);
  const ready = http.get(`${BASE}/readyz`);
  const accepted = submit([__ITER * 2 + 11, __ITER * 2 + 12]);
  check(ready, { ready: (answer) => answer.status === 200 });
  check(accepted, { accepted: (answer) => answer.status === 202 });

  const job = finish(accepted.json("id"));
  const items = ask(`/jobs/${job.id}/items`);
  const tokens = ask(`/jobs/${job.id}/tokens`);
  const css = ask(`/jobs/${job.id}/export/css`);
  const deleted = http.del(`${API}/jobs/${job.id}`, null, bearer());
  check(null, {
    "the job succeeds": () => job.status === "succeeded",
    "both items are there": () => items.json("data").length === 2,
    "it has colors": () => tokens.json("tokens").color.length > 0,
    "css is exported": () => css.body.includes("--"),
    "it is deleted": () => deleted.status === 204,
  });
}
