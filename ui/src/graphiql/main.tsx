import { takeTokenFromLink } from "../session";

takeTokenFromLink();
