// Five users register, sign in, renew, sign out; what is dead stays dead.

import http from "k6/http";
import { check } from "k6";

import { API, STATS, bearer, register, unique } from "./service.js";

export const options = {
  scenarios: {
    session: { executor: "constant-vus", vus: 5, duration: __ENV.DURATION || "15s" },
  },
  thresholds: {
    checks: ["rate==1"],
    http_req_failed: ["rate==0"],
    "http_req_duration{name:login}": ["p(95)<500"],
  },
  summaryTrendStats: STATS,
};

// A 401 is what half of the requests are to come to.
const responseCallback = http.expectedStatuses({ min: 200, max: 299 }, 401);

function send(path, body) {
  const headers = { "Content-Type": "application/json" };
  return http.post(`${API}/auth/${path}`, JSON.stringify(body), { headers, responseCallback });
}

function status_of_me(token) {
  return http.get(`${API}/auth/me`, { ...bearer(token), responseCallback }).status;
}

export default function () {
  const form = register(unique("session"));
  const first = http.post(`${API}/auth/login`, form, { tags: { name: "login" } }).json();
  const second = send("refresh", { refresh_token: first.refresh_token }).json();
  check(second, {
    "renewed tokens are let in": (pair) => status_of_me(pair.access_token) === 200,
    "signing out is done": (pair) => send("logout", pair_of(pair)).status === 204,
    "an access token is dead at once": (pair) => status_of_me(pair.access_token) === 401,
    "so is its refresh token": (pair) => send("refresh", pair_of(pair)).status === 401,
  });

  const stolen = http.post(`${API}/auth/login`, form, { tags: { name: "login" } }).json();
  const renewed = send("refresh", pair_of(stolen)).json();
  check(renewed, {
    "a refresh token works once": () => send("refresh", pair_of(stolen)).status === 401,
    "its second use ends the family": (pair) => send("refresh", pair_of(pair)).status === 401,
    "and its access token": (pair) => status_of_me(pair.access_token) === 401,
  });
}

function pair_of(pair) {
  return { refresh_token: pair.refresh_token };
}
