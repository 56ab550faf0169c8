-- Stands before the scripts of writers: many arguments come as one, which takes both sides a fraction of the time.
local ARGV = #ARGV == 1 and cjson.decode(ARGV[1]) or ARGV
